import { AnyValues } from "../../components/settings/keys";
import { shellQuote } from "../../components/shell";
import { templateText } from "../../components/templates";
import { AnyNode } from "../deployment";
import { UNREACHABLE } from "../ssh";
import { apmCertificateFiles, apmProbes } from "./apm/probes";
import { CertificateFile, certificateFiles } from "./certificates";
import { HostFacts, parseFacts } from "./facts";
import { Probe, probeLines, probes } from "./probes";
import { expectedServices } from "./services";

export { expectedServices } from "./services";

/** A host that says nothing for so long counts as away. */
const HOST_TIMEOUT_MS = 5_000;

/** One that is there may be busy. */
const ANSWER_TIMEOUT_MS = 10_000;

/** What a host is asked besides its containers: that is all that differs between the systems. */
interface Questions {
    /** "": it has none. */
    vip: string;
    probes: Probe[];
    certificates: CertificateFile[];
}

const questionsOf = (v: AnyValues): Questions =>
    v.system === "apm"
        ? { vip: "", probes: apmProbes(v), certificates: apmCertificateFiles(v) }
        : { vip: v.vip, probes: probes(v), certificates: certificateFiles(v) };

/** The script that asks a host, settings first. Pure. */
export function statusScript(node: Pick<AnyNode, "values" | "container">): string {
    const services = expectedServices(node.values);
    const { vip, probes: asked, certificates } = questionsOf(node.values);
    return [
        `VIP=${shellQuote(vip)}`,
        `CONTAINERS=${shellQuote(services.map((service) => node.container(service)).join(" "))}`,
        `PROBES=${shellQuote(probeLines(asked))}`,
        `CERTIFICATES=${shellQuote(certificates.map(({ use, path }) => `${use} ${path}`).join("\n"))}`,
        templateText("scripts/collect-status.sh"),
    ].join("\n");
}

/** Asks one host everything at once. Never throws: a host that does not answer is a fact. */
export async function collectHost(node: AnyNode): Promise<HostFacts> {
    // A connection that has to be made takes time that is not the clock's: make it before.
    const connected = await node.exec("true", { timeoutMs: HOST_TIMEOUT_MS });
    if (connected.code !== 0) return { error: complaint(connected, HOST_TIMEOUT_MS) };
    const clock = { askedMs: Date.now(), heardMs: 0 };
    const result = await node.exec("bash -s", {
        input: statusScript(node),
        timeoutMs: ANSWER_TIMEOUT_MS,
        onLine: () => (clock.heardMs ||= Date.now()),
    });
    try {
        return { host: parseFacts(result.stdout, clock) };
    } catch {
        return { error: complaint(result, ANSWER_TIMEOUT_MS) };
    }
}

/** Why a host gave no answer. Pure. */
export function complaint({ code, stderr }: { code: number; stderr: string }, timeoutMs: number): string {
    if (code === 124) return `no answer within ${timeoutMs / 1000} s`;
    const last = stderr.trim().split("\n").at(-1) ?? "";
    return last || (code === UNREACHABLE ? "SSH cannot connect" : `the status script ended with code ${code}`);
}
