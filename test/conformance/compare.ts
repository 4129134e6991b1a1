// What has to be equal, and what may differ from run to run.
import { Observation, RecordedResource } from "./replay";

const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** Values that are made up by chance, or that name this machine. */
const BY_CHANCE = new Set([
    ...["id", "b64Std", "b64Url", "dec", "hex", "result", "imageId", "image", "hostname"],
    ...["publicKeyFingerprintMd5", "publicKeyFingerprintSha256", "publicKeyOpenssh", "sshOpts"],
    ...["validityStartTime", "validityEndTime"],
    // There where the image came from a registry, not where it was loaded from a file.
    "repoDigest",
    // The host's default: lab hosts have one of their own on machines with low limits.
    "runtime",
]);

/** Notes of the Terraform bridge to itself. */
const isInternal = (key: string) => key === "__pulumi_raw_state_delta";

/** As the expected files have it: secrets and certificates masked, and on both sides what is by chance. */
export function comparable(value: unknown, key = ""): unknown {
    if (typeof value === "string") {
        if (BY_CHANCE.has(key) && value !== "<secret>") return `<${key}>`;
        const pem = /^(-----BEGIN [A-Z ]+-----)/.exec(value);
        return pem ? `${pem[1]} …` : value.replace(/\b([0-9a-f]{64}|[0-9a-f]{12})\b/g, "<hash>");
    }
    if (Array.isArray(value)) return value.map((item) => comparable(item));
    if (typeof value !== "object" || value === null) return value;
    if (SIGNATURE in value) return "<secret>";
    const entries = Object.entries(value).filter(([name]) => !isInternal(name));
    return Object.fromEntries(entries.map(([name, item]) => [name, comparable(item, name)]));
}

export function comparableResource(resource: RecordedResource): Record<string, unknown> {
    const sorted = (list: string[] | null) => (list ? [...list].sort() : null);
    const properties = Object.entries(resource.propertyDependencies).map(([key, urns]) => [key, sorted(urns)]);
    return {
        custom: resource.custom,
        parent: resource.parent,
        dependencies: sorted(resource.dependencies),
        propertyDependencies: Object.fromEntries(properties) as unknown,
        additionalSecretOutputs: sorted(resource.additionalSecretOutputs),
        inputs: comparable(resource.inputs),
        outputs: comparable(resource.outputs),
    };
}

/** `"abc"` as "<3 characters>", where the expected value is such a mask. */
export function maskedLike(actual: Record<string, string>, pattern: Record<string, string>): Record<string, string> {
    const mask = (key: string, value: string) =>
        /^<\d+ characters>$/.test(pattern[key] ?? "") ? `<${value.length} characters>` : value;
    return Object.fromEntries(Object.entries(actual).map(([key, value]) => [key, mask(key, value)]));
}

/** Who waits for whom, from the recorded state: dependencies, providers, and for deletions parents. */
export class Relations {
    private readonly needs = new Map<string, Set<string>>();

    constructor(resources: RecordedResource[]) {
        for (const resource of resources) {
            const provider = resource.type.startsWith("docker:") ? ["docker"] : [];
            const parent = resource.parent ? [resource.parent] : [];
            this.needs.set(resource.name, new Set([...resource.dependencies, ...provider, ...parent]));
        }
        // Renamed by an alias in step 7.
        this.needs.set("check-renamed", this.needs.get("check")!);
        // The stack and a component end when their outputs are there, not before their children begin.
        this.needs.set("conformance-lab", new Set());
    }

    /** The pairs of operations whose order is not left to chance, in the order they have in `operations`. */
    orderedPairs(operations: string[]): string[] {
        const pairs: string[] = [];
        operations.forEach((first, index) => {
            for (const second of operations.slice(index + 1)) {
                if (this.areOrdered(first, second)) pairs.push(`${first} → ${second}`);
            }
        });
        return pairs.sort();
    }

    private areOrdered(first: string, second: string): boolean {
        const [a, b] = [this.parse(first), this.parse(second)];
        const component = [a, b].some(({ type }) => type === "conformance:index:Files");
        // Creating a component ends at some time between its first and its last child.
        if (component && !(a.op === "delete" && b.op === "delete")) return false;
        return a.name === b.name || this.reaches(a.name, b.name) || this.reaches(b.name, a.name);
    }

    private parse(operation: string): { op: string; type: string; name: string } {
        const [op, type, name] = operation.split(" ");
        return { op, type, name };
    }

    private reaches(from: string, to: string): boolean {
        const direct = [...(this.needs.get(from) ?? [])];
        return direct.includes(to) || direct.some((next) => this.reaches(next, to));
    }
}

const byText = <T>(list: T[]) => [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** All of an observation but the order, with what has no order sorted. */
export function comparableRun(run: Observation): Partial<Observation> {
    return {
        exitCode: run.exitCode,
        result: run.result,
        resourceChanges: run.resourceChanges,
        completionOrder: byText(run.completionOrder),
        detailedDiff: run.detailedDiff,
        errors: run.errors,
        preview: run.preview && byText(run.preview),
        previewChangeSummary: run.previewChangeSummary,
    };
}
