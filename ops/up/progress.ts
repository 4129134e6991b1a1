const OPERATION = /^ *[-+~<>=]+ +(\S+) (\S+) \**(created|updated|deleted|replaced|failed)\b/;
const MESSAGE = /(open: |waiting for stack |warning: )(.*)/;

/** Lines of `pulumi up` that a person waits for. Pure but for what it remembers. */
export class UpdateProgress {
    private readonly said = new Set<string>();

    constructor(private readonly node: string) {}

    /** What to say of a line; undefined: nothing. */
    read(line: string): string | undefined {
        const [, type = "", name = "", verb = ""] = OPERATION.exec(line) ?? [];
        const message = MESSAGE.exec(line)?.[0];
        const text = message ?? (verb ? this.operation(type, name, verb) : undefined);
        if (text === undefined || this.said.has(text)) return undefined;
        this.said.add(text);
        return text;
    }

    private operation(type: string, name: string, verb: string): string | undefined {
        if (/^(pulumi|otel-ha):/.test(type)) return undefined;
        const what = name.replace(`${this.node}-`, "");
        if (verb === "failed") return `${what} FAILED`;
        if (type.endsWith(":Container")) return `${what} ${verb === "created" ? "started" : verb}`;
        if (what.endsWith("-ready")) return `${what.replace(/-ready$/, "")} ready`;
        if (what === "host-setup") return "host checked and prepared";
        // Three commands, of which the last one tells.
        if (what.startsWith("host-firewall-")) return what.endsWith("-kept") ? `firewall ${verb}` : undefined;
        return type.startsWith("command:") ? `${what} ${verb}` : undefined;
    }
}

/** What went wrong, without the list of what went well. Pure. */
export function complaint(stdout: string, stderr: string): string {
    const diagnostics = /^Diagnostics:\n([\s\S]*?)(?=^(?:Outputs|Resources|Duration):|$(?![\s\S]))/m.exec(stdout)?.[1];
    return [diagnostics ?? stdout.split("\n").slice(-15).join("\n"), stderr]
        .map((text) => text.trim())
        .filter(Boolean)
        .join("\n");
}
