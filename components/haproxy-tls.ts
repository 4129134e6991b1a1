import * as pulumi from "@pulumi/pulumi";
import { createHash } from "crypto";
import type { ServiceFile } from "./container-service";
import { identityFile, NodeTls } from "./tls";

/** What HAProxy shows of itself, and whom it believes. */
export type HaproxyCertificates = Pick<NodeTls, "trusted" | "clients" | "peer">;

/** CA of clients that send telemetry. */
export const CLIENT_CA = "otlp-clients.pem";

/** Which hash is whose token. */
export const TOKENS = "otlp-tokens.map";

/** What the files are made of. */
export interface HaproxyTlsFiles {
    /** On the host. */
    directory: string;
    /** Whose HAProxy says whether it can read them. */
    image: string;
    certificates: HaproxyCertificates;
    /** By name. */
    tokens: pulumi.Input<Record<string, pulumi.Input<string | string[]>>>;
    /** PEM. @default none */
    clientCa?: string;
}

/** Certificates, keys and tokens of HAProxy. Pure but for the secrets that it passes on. */
export function haproxyTlsFiles({ directory, image, certificates, tokens, clientCa }: HaproxyTlsFiles): ServiceFile[] {
    const { trusted, clients, peer } = certificates;
    return [
        { path: `${directory}/trusted.pem`, content: trusted, check: readable(image, "ca-file") },
        { path: `${directory}/peer.pem`, ...identityFile(peer), check: readable(image, "crt") },
        { path: `${directory}/clients.pem`, ...identityFile(clients), check: readable(image, "crt") },
        ...(clientCa
            ? [{ path: `${directory}/${CLIENT_CA}`, content: clientCa, check: readable(image, "ca-file") }]
            : []),
        { path: `${directory}/${TOKENS}`, content: tokenMap(tokens), mode: "0400" },
    ];
}

/**
 * Validator of a file with certificates: a configuration of nothing but a server that needs it. A key that is another certificate's is found here, not by a
 * HAProxy that does not start. Pure.
 */
export function readable(image: string, use: "crt" | "ca-file"): string {
    const config = `listen look\\n bind 127.0.0.1:1\\n server look 127.0.0.1:1 ssl verify ${use === "crt" ? "none" : "required"} ${use} /candidate/%s\\n`;
    return `docker run --rm --network none -v "$DIR":/candidate:ro ${image} sh -c 'printf "${config}" "$1" >/tmp/look.cfg && haproxy -c -f /tmp/look.cfg' - "$CANDIDATE"`;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The hash of each token with its name; without any, the word that lets everybody in. */
function tokenMap(tokens: HaproxyTlsFiles["tokens"]): pulumi.Output<string> {
    const lines = pulumi.all([pulumi.output(tokens)]).apply(([all]) =>
        Object.entries(all as Record<string, string | string[]>)
            .sort(([one], [other]) => one.localeCompare(other, "en"))
            .flatMap(([name, tokens]) => [tokens].flat().map((token) => `${sha256(token)} ${name}\n`)),
    );
    return pulumi.secret(lines.apply((all) => (all.length > 0 ? all.join("") : "everybody everybody\n")));
}
