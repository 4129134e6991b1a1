import { Finding, Inquiry, Judgement, Sections } from "../model";
import { HostSetup, hostSetups } from "../setup-script";
import { StateResource } from "../state";
import { octal } from "./files";

type Directory = HostSetup["directories"][number] & { urn: string };
type Sysctl = HostSetup["sysctls"][number] & { urn: string };

/** Directories: that they are there, mode, owner, and that they are synchronous where they have to be. Pure. */
export function directories(resources: StateResource[]): Inquiry {
    const deployed = hostSetups(resources).flatMap(({ resource: { urn }, directories: all }) =>
        all.map((directory): Directory => ({ ...directory, urn })),
    );
    return {
        settings: {
            DIRECTORIES: deployed.map(({ path, synchronous }) => `${synchronous ? "sync" : "any"} ${path}`).join("\n"),
        },
        judge: (said) => {
            const found = readDirectories(said);
            return together(deployed.map((directory) => compareDirectory(directory, found[directory.path])));
        },
    };
}

interface FoundDirectory {
    state: "directory" | "absent" | "strange";
    mode: string;
    owner: string;
    /** unknown: the file system does not say. */
    synchronous: "yes" | "no" | "unknown";
}

function readDirectories(said: Sections): Record<string, FoundDirectory | undefined> {
    return Object.fromEntries(
        (said.directories ?? []).map((line) => {
            const [state, mode, owner, synchronous, path] = line.split("\t");
            return [path!, { state, mode, owner, synchronous } as FoundDirectory];
        }),
    );
}

function compareDirectory(directory: Directory, found: FoundDirectory | undefined): Judgement {
    const { urn, path, mode, owner } = directory;
    const differs = (property: string, expected: string, is: string): Finding => {
        return { kind: "directory", subject: path, property, expected, found: is, urn };
    };
    if (!found) return { findings: [], unknown: [`${path} could not be looked at`] };
    if (found.state === "absent") return known(differs("existence", "a directory", "nothing"));
    if (found.state === "strange") return known(differs("existence", "a directory", "something else"));
    const findings = [
        ...(octal(mode) === octal(found.mode) ? [] : [differs("mode", octal(mode), octal(found.mode))]),
        ...(owner === found.owner ? [] : [differs("owner", owner, found.owner)]),
        ...(directory.synchronous && found.synchronous === "no"
            ? [differs("attribute", "synchronous", "not synchronous")]
            : []),
    ];
    const unknown = directory.synchronous && found.synchronous === "unknown";
    return { findings, unknown: unknown ? [`${path}: whether it is synchronous (lsattr) could not be asked`] : [] };
}

/** Kernel settings that are in force; the file that keeps them is one of the files. Pure. */
export function sysctls(resources: StateResource[]): Inquiry {
    const deployed = hostSetups(resources).flatMap(({ resource: { urn }, sysctls: all }) =>
        all.map((sysctl): Sysctl => ({ ...sysctl, urn })),
    );
    return {
        settings: { SYSCTLS: deployed.map(({ key }) => key).join("\n") },
        judge: (said) => {
            const found = Object.fromEntries((said.sysctls ?? []).map((line) => line.split("\t") as [string, string]));
            return together(deployed.map((sysctl) => compareSysctl(sysctl, found[sysctl.key])));
        },
    };
}

function compareSysctl({ key, value, urn }: Sysctl, found: string | undefined): Judgement {
    if (found === undefined) return { findings: [], unknown: [`sysctl ${key} could not be looked at`] };
    if (found.trim() === value.trim().replace(/\s+/g, " ")) return { findings: [], unknown: [] };
    const finding = { kind: "sysctl" as const, subject: key, property: "value", expected: value, found, urn };
    return known({ ...finding, found: found === "" ? "no such setting" : found });
}

const known = (finding: Finding): Judgement => ({ findings: [finding], unknown: [] });

/** Several judgements as one. Pure. */
export function together(all: Judgement[]): Judgement {
    return { findings: all.flatMap(({ findings }) => findings), unknown: all.flatMap(({ unknown }) => unknown) };
}
