import { CREDENTIAL_NAMES } from "../credentials";
import { SECRET_OF } from "../generations";
import { GROWTH, heavyRequests } from "../otel-aggregator";
import { certificates } from "../pem";
import { lasts } from "../renewal";
import { bytes } from "../units";
import { KeyName, Values } from "./keys";

/** A known limit of the settings as they are, with the key that lifts it. */
export interface Warning {
    key: KeyName;
    message: string;
}

type Limit = (settings: Values) => Warning[];

const poolOfTwo: Limit = ({ objectStore }) =>
    objectStore === "pooled"
        ? [
              {
                  key: "objectStore",
                  message:
                      "pooled over two hosts: while one of them is away, the buckets can be read but not written, and chunks and blocks wait on the other; mirrored lifts that",
              },
          ]
        : [];

const noFirewall: Limit = ({ firewall }) =>
    firewall
        ? []
        : [
              {
                  key: "firewall",
                  message:
                      "false: whoever reaches the hosts reaches every port of the stack; true closes what is not needed",
              },
          ];

const everybodyIsAdmin: Limit = ({ firewall, adminCidrs }) => {
    const everywhere = adminCidrs.split(",").find((network) => network.endsWith("/0"));
    if (!firewall || everywhere === undefined) return [];
    return [
        {
            key: "adminCidrs",
            message: `"${everywhere}" lets everybody reach each service by itself; name the networks of those who operate the hosts`,
        },
    ];
};

const noTls: Limit = ({ tls }) =>
    tls === "off"
        ? [
              {
                  key: "tls",
                  message:
                      "off: whoever is on the way between clients and hosts, or between the hosts, reads and changes everything; internal lifts that",
              },
          ]
        : [];

const endsSoon: Limit = ({ tlsCertificate, certificateRenewBefore }) =>
    (certificates(tlsCertificate) ?? [])
        .filter(({ validTo }) => !lasts(validTo, certificateRenewBefore, Date.now()))
        .map(({ validTo }) => ({ key: "tlsCertificate", message: `ends on ${validTo}; give a new one before that` }));

// Whoever counts on it would believe that an old secret is gone.
const generationOfGiven: Limit = (settings) =>
    CREDENTIAL_NAMES.filter((key) => settings[key] !== "" && settings.generation[SECRET_OF[key]] !== undefined).map(
        (key) => ({
            key: "generation",
            message: `"${SECRET_OF[key]}" has no effect while ${key} is given; give another value there instead`,
        }),
    );

const bodiesTooLarge: Limit = ({ otlpMaxBody, aggregatorMemoryLimit }) => {
    const { packed, large } = heavyRequests({ maxBody: otlpMaxBody, memoryLimit: aggregatorMemoryLimit });
    const needed = 2 * (packed + large) * bytes(otlpMaxBody) * GROWTH;
    if (needed <= bytes(aggregatorMemoryLimit)) return [];
    return [
        {
            key: "otlpMaxBody",
            message: `${otlpMaxBody}: requests that are made for it take ${Math.ceil(needed / 2 ** 20)} MiB of memory, more than aggregatorMemoryLimit (${aggregatorMemoryLimit}), and end the collector; a smaller one, or more memory, lifts that`,
        },
    ];
};

const LIMITS: Limit[] = [poolOfTwo, noFirewall, everybodyIsAdmin, noTls, endsSoon, generationOfGiven, bodiesTooLarge];

/** What a preview says about settings that work, but not through every fault. Pure. */
export function warnings(settings: Values): Warning[] {
    return LIMITS.flatMap((limit) => limit(settings));
}
