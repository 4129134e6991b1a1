import { createPrivateKey, X509Certificate } from "crypto";
import { certificates } from "../pem";
import { parseDuration } from "../units";
import { AnyValues, CommonValues, Values } from "./keys";
import { none, Problem, problem, Rule } from "./problem";

const HOUR_MS = 3_600_000;
const milliseconds = (duration: string): number => parseDuration(duration) ?? 0;

const lifetimesInHours: Rule<CommonValues> = (settings) =>
    (["certificateLifetime", "caLifetime"] as const)
        .filter((key) => milliseconds(settings[key]) % HOUR_MS !== 0)
        .flatMap((key) =>
            problem(
                key,
                `"${settings[key]}" is not in whole hours, in which certificates are made; write "${Math.ceil(milliseconds(settings[key]) / HOUR_MS)}h"`,
            ),
        );

const renewedBeforeTheEnd: Rule<CommonValues> = ({ certificateRenewBefore, certificateLifetime }) =>
    milliseconds(certificateRenewBefore) < milliseconds(certificateLifetime)
        ? none
        : problem(
              "certificateRenewBefore",
              `"${certificateRenewBefore}" is not shorter than certificateLifetime ("${certificateLifetime}"), so that every up would make new certificates; write about a third of it`,
          );

const caOutlivesCertificates: Rule<CommonValues> = ({ caLifetime, certificateLifetime }) =>
    milliseconds(caLifetime) > milliseconds(certificateLifetime)
        ? none
        : problem(
              "caLifetime",
              `"${caLifetime}" is not longer than certificateLifetime ("${certificateLifetime}"); a certificate ends with its CA, so write "3650d"`,
          );

const GIVEN = {
    tlsCaCertificate: "the certificate of your CA, as in: pulumi config set tlsCaCertificate < ca.pem",
    tlsCertificate: "this node's certificate, as in: pulumi config set tlsCertificate < node.pem",
    tlsKey: "the key of this node's certificate, as in: pulumi config set --secret tlsKey < node-key.pem",
};

const providedIsComplete: Rule = (settings) =>
    (Object.keys(GIVEN) as (keyof typeof GIVEN)[]).flatMap((key) => {
        const given = settings[key] !== "";
        if (given === (settings.tls === "provided")) return none;
        return problem(
            key,
            given
                ? `would not be used, since tls is "${settings.tls}"; write tls: provided, or leave it out`
                : `is missing; with tls "provided" give ${GIVEN[key]}`,
        );
    });

/** What is given, when it is given in whole. */
function provided({ tls, tlsCaCertificate, tlsCertificate }: Values) {
    const [chain, authorities] = [certificates(tlsCertificate), certificates(tlsCaCertificate)];
    return tls === "provided" && chain && authorities ? { leaf: chain[0], chain, authorities } : undefined;
}

const keyFits: Rule = (settings) => {
    const given = provided(settings);
    if (!given || settings.tlsKey === "" || given.leaf.checkPrivateKey(createPrivateKey(settings.tlsKey))) return none;
    return problem(
        "tlsKey",
        `is the key of another certificate than the first one in tlsCertificate (${named(given.leaf)}); give the key that belongs to it`,
    );
};

const named = ({ subject }: X509Certificate): string => (subject ?? "without a name").replaceAll("\n", ", ");

const authorityIsSuch = (key: "tlsCaCertificate" | "otlpClientCa", pem: string): Problem[] =>
    (certificates(pem) ?? [])
        .filter(({ ca }) => !ca)
        .flatMap((certificate) =>
            problem(
                key,
                `has a certificate that is not a CA's (${named(certificate)}); give the one that signs, with "CA:TRUE" in it`,
            ),
        );

const caIsSuch: Rule = ({ tlsCaCertificate }) => authorityIsSuch("tlsCaCertificate", tlsCaCertificate);
const clientCaIsSuch: Rule = ({ otlpClientCa }) => authorityIsSuch("otlpClientCa", otlpClientCa);

const signedByTheCa: Rule = (settings) => {
    const given = provided(settings);
    if (!given || leadsTo(given.chain, given.authorities)) return none;
    return problem(
        "tlsCertificate",
        `is not signed by tlsCaCertificate (${given.authorities.map(named).join("; ")}) but by ${given.leaf.issuer.replaceAll("\n", ", ")}; give that CA, or put the certificates between the two behind this one`,
    );
};

/** Whether the first of these certificates is signed by an authority, or by another one of them that is, and so on. Pure. */
export function leadsTo([leaf, ...others]: X509Certificate[], authorities: X509Certificate[]): boolean {
    const signed = (by: X509Certificate): boolean => leaf.checkIssued(by) && leaf.verify(by.publicKey);
    if (authorities.some(signed)) return true;
    const next = others.find(signed);
    return next !== undefined && leadsTo([next, ...others.filter((other) => other !== next)], authorities);
}

const isForThisNode: Rule = (settings) => {
    const { nodeName, nodeAddress, vip, objectStore } = settings;
    const given = provided(settings);
    if (!given) return none;
    const { leaf } = given;
    const addresses = [nodeAddress, vip, ...(objectStore === "external" ? [] : ["127.0.0.1"])];
    const lacks = [
        ...(leaf.checkHost(nodeName, { subject: "never" }) ? [] : [nodeName]),
        ...addresses.filter((address) => !leaf.checkIP(address)),
    ];
    if (lacks.length === 0) return none;
    const all = [`DNS:${nodeName}`, ...addresses.map((address) => `IP:${address}`)].join(",");
    return problem(
        "tlsCertificate",
        `is not for ${lacks.join(", ")} (it is for ${leaf.subjectAltName ?? "nobody"}); have one made with subjectAltName=${all}`,
    );
};

// HAProxy knows the other node by it.
const isNamedAfterTheNode: Rule = (settings) => {
    const given = provided(settings);
    const name = /^CN=(.*)$/m.exec(given?.leaf.subject ?? "")?.[1];
    if (!given || name === settings.nodeName) return none;
    return problem(
        "tlsCertificate",
        `has the common name "${name ?? ""}"; have one made with CN=${settings.nodeName}, by which the other node knows this one`,
    );
};

const USES: Record<string, string> = { "1.3.6.1.5.5.7.3.1": "serverAuth", "1.3.6.1.5.5.7.3.2": "clientAuth" };

const isForBothEnds: Rule = (settings) => {
    // Without a list it is for everything.
    const uses = provided(settings)?.leaf.keyUsage;
    const lacks = uses ? Object.keys(USES).filter((use) => !uses.includes(use)) : [];
    if (lacks.length === 0) return none;
    return problem(
        "tlsCertificate",
        `is not for ${lacks.map((use) => USES[use]).join(" and ")}; have one made with extendedKeyUsage=serverAuth,clientAuth: the nodes speak to each other with it`,
    );
};

const notAskedFor = (key: "otlpTokens" | "otlpClientCa", value: string): Problem[] =>
    value === ""
        ? none
        : problem(key, `would not be asked for, since tls is "off"; write tls: internal, or leave it out`);

const tokensNeedTls: Rule<CommonValues> = ({ tls, otlpTokens }) =>
    tls === "off" ? notAskedFor("otlpTokens", otlpTokens) : none;

const clientCaNeedsTls: Rule = ({ tls, otlpClientCa }) =>
    tls === "off" ? notAskedFor("otlpClientCa", otlpClientCa) : none;

const tokensHaveNames: Rule<CommonValues> = ({ otlpTokens }) => {
    const names = otlpTokens.split(",");
    const twice = names.find((name, at) => names.indexOf(name) < at);
    return twice === undefined
        ? none
        : problem("otlpTokens", `has "${twice}" twice; each sender has a name of its own, as in "web-shop,billing"`);
};

const twoUsers: Rule = ({ queryUser, haproxyStatsUser }) =>
    queryUser === haproxyStatsUser
        ? problem(
              "queryUser",
              `"${queryUser}" is haproxyStatsUser too, who may do everything; write another name, such as "query"`,
          )
        : none;

/** Of every system. */
export const TLS_RULES: Rule<CommonValues>[] = [
    lifetimesInHours,
    renewedBeforeTheEnd,
    caOutlivesCertificates,
    tokensNeedTls,
    tokensHaveNames,
];

/** Of the two-host platform, which takes certificates that are given. */
export const GIVEN_TLS_RULES: Rule[] = [
    providedIsComplete,
    caIsSuch,
    clientCaIsSuch,
    clientCaNeedsTls,
    keyFits,
    signedByTheCa,
    isForThisNode,
    isNamedAfterTheNode,
    isForBothEnds,
    twoUsers,
];

/** Given certificates that are not valid now. Not among the rules: whoever only looks at a pair may do so with such ones. Pure. */
export function notValidNow(settings: AnyValues, now: number): Problem[] {
    if (settings.system !== "otel-ha") return none;
    return (["tlsCaCertificate", "tlsCertificate", "otlpClientCa"] as const).flatMap((key) =>
        (certificates(settings[key]) ?? []).flatMap((certificate) => {
            if (now >= Date.parse(certificate.validTo))
                return problem(key, `has ended on ${certificate.validTo} (${named(certificate)}); give a new one`);
            if (now < Date.parse(certificate.validFrom))
                return problem(
                    key,
                    `begins on ${certificate.validFrom} (${named(certificate)}); look at this machine's clock, or give one that is valid`,
                );
            return none;
        }),
    );
}
