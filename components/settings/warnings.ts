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

const LIMITS: Limit[] = [poolOfTwo];

/** What a preview says about settings that work, but not through every fault. Pure. */
export function warnings(settings: Values): Warning[] {
    return LIMITS.flatMap((limit) => limit(settings));
}
