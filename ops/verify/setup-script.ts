import { shellWords } from "../../components/shell";
import { inputOf, lineOf, StateResource } from "./state";

/** What a host was prepared with: see components/host.ts, which writes this script. */
export interface HostSetup {
    resource: StateResource;
    directories: { path: string; mode: string; owner: string; synchronous: boolean }[];
    sysctls: { key: string; value: string }[];
    /** Helper scripts, and the file that keeps the sysctls. */
    files: { path: string; content: string; mode?: string }[];
}

/** Reads the state of a `Host`. Pure. */
export function hostSetups(resources: StateResource[]): HostSetup[] {
    return resources
        .filter((resource) => resource.types.includes("otel-ha:index:Host") && /\bsh -s$/.test(lineOf(resource)))
        .map((resource) => readSetup(resource));
}

function readSetup(resource: StateResource): HostSetup {
    const script = inputOf(resource);
    const { DIRECTORIES = "", SYNCHRONOUS = "", SYSCTLS = "", LIB = "" } = assignments(script);
    const synchronous = lines(SYNCHRONOUS);
    // The last one of several for the same path is what the host has.
    const directories = new Map(
        lines(DIRECTORIES).map((line) => {
            const [, mode = "", owner = "", path = ""] = /^(\S+) (\S+) (.*)$/.exec(line) ?? [];
            // What the file system cannot do was said when it was asked for it.
            const cannot = String(resource.outputs.stdout ?? "").includes(`${path} cannot be made synchronous`);
            return [path, { path, mode, owner, synchronous: synchronous.includes(path) && !cannot }] as const;
        }),
    );
    // What keeps the sysctls over a reboot.
    const kept = />(\/\S+\/90-otel-ha\.conf)$/m.exec(script)?.[1];
    const scripts = [...script.matchAll(/^install_script (\S+) <<'END_OF_SCRIPT'\n([\s\S]*?)^END_OF_SCRIPT$/gm)];
    return {
        resource,
        directories: [...directories.values()],
        sysctls: lines(SYSCTLS).flatMap((line) => {
            const [, key, value] = /^(\S+) = (.*)$/.exec(line) ?? [];
            return key === undefined ? [] : [{ key, value: value! }];
        }),
        files: [
            ...scripts.map(([, name, content]) => ({ path: `${LIB}/${name}`, content: content!, mode: "0755" })),
            ...(SYSCTLS && kept ? [{ path: kept, content: `${SYSCTLS}\n` }] : []),
        ],
    };
}

const lines = (text: string): string[] => text.split("\n").filter(Boolean);

/** The settings with which a script begins: `NAME=value`, quoted or not, one after the other. Pure. */
export function assignments(script: string): Record<string, string> {
    const found: Record<string, string> = {};
    const assignment = /([A-Z_]+)=((?:'[^']*'|\\.|[^\s'\\])*)\n/y;
    for (let match = assignment.exec(script); match; match = assignment.exec(script))
        found[match[1]!] = shellWords(match[2]!)[0] ?? "";
    return found;
}
