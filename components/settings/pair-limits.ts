import { GROWTH, heavyRequests } from "../otel-aggregator";
import { certificates } from "../pem";
import { lasts } from "../renewal";
import { bytes } from "../units";
import { COMMON_LIMITS, Limit } from "./common-limits";
import { Values } from "./keys";

const poolOfTwo: Limit<Values> = ({ objectStore }) =>
    objectStore === "pooled"
        ? [
              {
                  key: "objectStore",
                  message:
                      "pooled over two hosts: while one of them is away, the buckets can be read but not written, and chunks and blocks wait on the other; mirrored lifts that",
              },
          ]
        : [];

const endsSoon: Limit<Values> = ({ tlsCertificate, certificateRenewBefore }) =>
    (certificates(tlsCertificate) ?? [])
        .filter(({ validTo }) => !lasts(validTo, certificateRenewBefore, Date.now()))
        .map(({ validTo }) => ({ key: "tlsCertificate", message: `ends on ${validTo}; give a new one before that` }));

const bodiesTooLarge: Limit<Values> = ({ otlpMaxBody, aggregatorMemoryLimit }) => {
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

/** Known limits of the two-host platform. */
export const PAIR_LIMITS: Limit<Values>[] = [poolOfTwo, ...COMMON_LIMITS, endsSoon, bodiesTooLarge];
