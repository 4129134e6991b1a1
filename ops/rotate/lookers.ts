/** How an old value and a new one are tried, at the door where they are used. */
import { X509Certificate } from "node:crypto";
import { AnyValues } from "../../components/settings/keys";
import { certificates } from "../../components/pem";
import { shellQuote } from "../../components/shell";
import { basic } from "../access";
import { AnyNode } from "../deployment";
import { Answer, ask, Shown } from "./connection";
import { certificatesNow, Former, peerIdentity, Shared } from "./former";
import { AnySecretName } from "./generations";
import type { Look } from "./looks";
import { credentialOf, rotationOf } from "./systems";

/** What became of an old value, and what was seen. */
export type Seen = Pick<Look, "state" | "seen">;

/** Tries it on a node. Errors: it could not be tried. */
export type Looker<V extends AnyValues = AnyValues> = (
    node: AnyNode & { values: V },
    before: Former,
    now: Shared,
    name: AnySecretName,
) => Promise<Seen>;

const words = (answer: Answer): string =>
    "status" in answer ? `HTTP ${answer.status}` : `the connection ended: ${answer.notBelieved}`;
const isRefusal = (answer: Answer): boolean =>
    "notBelieved" in answer || answer.status === 401 || answer.status === 403;
const isTaken = (answer: Answer): boolean => "status" in answer && answer.status >= 200 && answer.status < 300;

/** The old one and the new one, at the same door. */
export async function compared(url: string, old: Shown, current: Shown): Promise<Seen> {
    const [refused, taken] = [await ask(url, old), await ask(url, current)];
    const seen = `old: ${words(refused)}, new: ${words(taken)}`;
    if (isTaken(refused)) return { state: "accepted", seen };
    return { state: isRefusal(refused) && isTaken(taken) ? "refused" : "unknown", seen };
}

/** Where a node is asked. Pure. */
export const at = ({ address, values }: Pick<AnyNode, "address" | "values">, port: number, path: string): string =>
    `${values.tls === "off" ? "http" : "https"}://${address}:${port}${path}`;

/** A password, where people log in with it. `user` may be another one with another password. */
export const login =
    <V extends AnyValues>(
        user: (node: AnyNode & { values: V }, password: string) => string,
        port: (values: V) => number,
        path: string,
    ): Looker<V> =>
    (node, before, now, name) => {
        const key = credentialOf(node.values, name);
        const shown = ({ credentials }: Shared): Shown => ({
            ca: now.caCertificate,
            authorization: basic(user(node, credentials[key]!), credentials[key]!),
        });
        return compared(at(node, port(node.values), path), shown(before.shared), shown(now));
    };

/** A token, where telemetry is taken. */
export const tokens: Looker = async (node, before, now) => {
    const [name, tokens] = Object.entries(before.shared.otlpTokens).find(([one]) => one in now.otlpTokens) ?? [];
    if (name === undefined) return { state: "unknown", seen: "no sender had a token before and has one now" };
    const current = now.otlpTokens[name]!;
    const old = tokens!.find((token) => !current.includes(token));
    if (old === undefined) return { state: "accepted", seen: `every token of ${name} is one that it had before` };
    const shown = (token: string): Shown => ({
        ...{ ca: now.caCertificate, authorization: `Bearer ${token}` },
        ...{ method: "POST", headers: { "content-type": "application/json" }, body: "{}" },
    });
    return compared(at(node, node.values.otlpHttpPort, "/v1/logs"), shown(old), shown(current[0]!));
};

/** Certificates: what is shown at each port. */
export const shownNoMore: Looker = async (node, before) => {
    const now = await certificatesNow([node]);
    const still = Object.keys(now).filter((place) => now[place] === before.certificates[place]);
    if (still.length > 0) return { state: "accepted", seen: `the old one is shown by ${still.join("; ")}` };
    return { state: "gone", seen: `shown no more at ${Object.keys(now).length} ports; valid until its end` };
};

/** Who has the old CA's certificate is believed no more, and nobody believes that CA. */
export const oldAuthority: Looker = async (node, before, now) => {
    const believed = bundle(now.caCertificate);
    const old = Object.values(before.peers).find((pem) => !isOf(pem, believed));
    const gone = bundle(before.shared.caCertificate).filter((one) => !believed.includes(one));
    if (gone.length === 0) return { state: "accepted", seen: "every CA that was believed before still is" };
    if (old === undefined)
        return {
            state: "gone",
            seen: `${gone.length} CA fewer in ${believed.length + gone.length}; its certificates had been replaced before`,
        };
    const url = rotationOf(node.values).identityDoor(node);
    return compared(
        url,
        { identity: old, ca: now.caCertificate },
        { identity: await peerIdentity(node), ca: now.caCertificate },
    );
};

const bundle = (pem: string | undefined): string[] => (certificates(pem ?? "") ?? []).map(String);
const isOf = (leaf: string, cas: string[]): boolean => {
    const certificate = new X509Certificate(leaf);
    return cas.some((ca) => certificate.verify(new X509Certificate(ca).publicKey));
};

/** A secret that only its own files have: the line is sent to the host, and told apart there. `count` tells how often a file below a path has it. */
export async function inFiles(node: AnyNode, path: string, old: string, current: string): Promise<Seen> {
    const { code, stdout, stderr } = await node.exec(
        `while read -r secret; do grep -rqsF -e "$secret" ${shellQuote(path)} && echo there || echo absent; done`,
        { input: `${old}\n${current}\n` },
    );
    if (code !== 0) throw new Error(stderr.trim());
    const [was, is] = stdout.trim().split("\n");
    const seen = `in ${path}: old ${was}, new ${is}`;
    if (was === "there") return { state: "accepted", seen };
    return { state: was === "absent" && is === "there" ? "refused" : "unknown", seen };
}
