import { CertificateEnds, endOf } from "./certificates";

/** What a host said of itself. */
export interface HostFacts {
    /** Undefined: it could not be asked. */
    host?: ReachableHost;
    /** Why it could not. */
    error?: string;
}

export interface ReachableHost {
    /** The host's clock less ours. */
    clockOffsetMs: number;
    /** The offset may be wrong by this much. */
    clockErrorMs: number;
    holdsVip: boolean;
    /** Undefined: Docker does not answer. */
    dockerVersion?: string;
    /** By name; those that do not exist are missing. */
    containers: Record<string, ContainerFacts>;
    /** By the name of the probe; by the name of the container where its own health check asks over HTTP. */
    answers: Record<string, Answer>;
    /** When its certificates end, ISO 8601, by what they are for; undefined: there is none, or it cannot be read. */
    certificates: CertificateEnds;
}

export interface ContainerFacts {
    id: string;
    /** Docker's word: running, exited, restarting, … */
    status: string;
    /** Docker's word: starting, healthy, unhealthy, none. */
    health: string;
    restarts: number;
    imageId: string;
    /** Name and tag; the id when it has none any more. @example "prom/prometheus:v3.7.3" */
    image: string;
    /** The label otel-ha.config. */
    config?: string;
    startedAt: string;
}

export interface Answer {
    /** HTTP's; undefined when nobody answered, or nothing was asked. */
    status?: number;
    /** Nothing was asked, and a connection could be made. */
    connected?: boolean;
    lines: string[];
}

/** When the first line came and when the question was asked, both by our clock. */
export interface Clock {
    askedMs: number;
    heardMs: number;
}

/** Reads what the script on the host printed. Errors: text that ends early. Pure. */
export function parseFacts(text: string, clock: Clock): ReachableHost {
    const sections = new Map(
        text
            .split(/^== /m)
            .slice(1)
            .map((section) => {
                const [title = "", ...lines] = section.split("\n");
                return [title.trim(), lines.filter((line) => line !== "")] as const;
            }),
    );
    const titled = (word: string): string | undefined =>
        [...sections.keys()].find((title) => title.startsWith(`${word} `))?.slice(word.length + 1);
    const all = <T>(word: string, read: (lines: string[]) => T): Record<string, T> =>
        Object.fromEntries(
            [...sections].flatMap(([title, lines]) =>
                title.startsWith(`${word} `) ? [[title.slice(word.length + 1), read(lines)]] : [],
            ),
        );
    const images = Object.fromEntries(
        (sections.get("images") ?? []).map((line) => line.split(" ") as [string, string]),
    );
    const time = Number(titled("time")) * 1000;
    if (!sections.has("end") || !(time > 0)) throw new Error("the host's answer is not complete");

    return {
        // The clock was read after the question and before the answer.
        clockOffsetMs: time - (clock.askedMs + clock.heardMs) / 2,
        clockErrorMs: (clock.heardMs - clock.askedMs) / 2,
        holdsVip: (sections.get("address") ?? []).length > 0,
        dockerVersion: titled("docker"),
        containers: Object.fromEntries(
            (sections.get("containers") ?? []).flatMap((line) => readContainer(line, images)),
        ),
        answers: all("http", readAnswer),
        certificates: ends(all("certificate", (lines) => lines.join("\n"))),
    };
}

const ends = (found: Record<string, string>): CertificateEnds =>
    Object.fromEntries(
        Object.entries(found).map(([purpose, pem]) => [purpose, endOf(purpose as keyof CertificateEnds, pem)]),
    );

function readContainer(line: string, images: Record<string, string | undefined>): [string, ContainerFacts][] {
    const [name, id, status, health, restarts, imageId, config, startedAt] = line.split(" ");
    if (!name?.startsWith("/") || startedAt === undefined) return [];
    return [
        [
            name.slice(1),
            {
                id: id!,
                status: status!,
                health: health!,
                restarts: Number(restarts),
                imageId: imageId!,
                image: images[imageId!] || imageId!.slice(0, 19),
                config: config === "-" ? undefined : config,
                startedAt,
            },
        ],
    ];
}

function readAnswer([first, ...lines]: string[]): Answer {
    if (first === "connected") return { connected: true, lines };
    const status = /^HTTP\/\S+ (\d{3})/.exec(first ?? "")?.[1];
    return { status: status === undefined ? undefined : Number(status), lines };
}

/** One line of a page of metrics. */
export interface Sample {
    name: string;
    labels: Record<string, string>;
    value: number;
}

/** Reads lines in Prometheus' text format; others are left out. Pure. */
export function parseSamples(lines: string[]): Sample[] {
    return lines.flatMap((line) => {
        const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
        if (name === undefined || value === undefined) return [];
        const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key!, text!]);
        return [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }];
    });
}
