// The services' own validators, as they run on a host before a file takes its place.
import { describe, expect, it } from "vitest";
import { ContainerSpec } from "../../components";
import { labExec } from "../../lab/hosts";
import { RunResult } from "../../lab/run";
import { COLLECTOR_VARIANTS, collectorSpecs } from "../unit/support/apm-collectors";
import { newCa, newLeaf } from "../unit/support/certificates";
import { specsOf } from "../unit/support/specs";

interface Checked {
    file: string;
    text: string;
    check: string;
}

const users = (list: string): string => `userlist ${list}\n    user admin insecure-password x\n`;

/** Files that a configuration refers to, as they lie beside it. */
async function beside(): Promise<Record<string, string>> {
    const ca = await newCa();
    const { certificate, key } = await newLeaf(ca);
    return {
        "stats-users.cfg": users("stats") + users("query"),
        "authentication.conf": "authentication {\n    auth_type PASS\n    auth_pass abcdefgh\n}\n",
        "trusted.pem": ca.certificate,
        "tls/trusted.pem": ca.certificate,
        "tls/peer.pem": certificate + key,
        "tls/clients.pem": certificate + key,
        "tls/otlp-tokens.map": "everybody everybody\n",
        "certificate.pem": certificate,
        "key.pem": key,
        "otlp-tokens": "one\nanother\n",
        "back-end-user": "writer\n",
        "monitor-user": "monitor\n",
        "back-end-password": "letters and digits\n",
        "monitor-password": "12345678\n",
    };
}

const VARIANTS = (["node1", "node2"] as const).flatMap((stack) =>
    (["off", "internal"] as const).map((tls) => ({ stack, tls })),
);
type Variant = (typeof VARIANTS)[number];

/** Every configuration file that has a validator, as this stack renders it. */
const validated = ({ stack, tls }: Variant): Checked[] => checkedOf(Object.values(specsOf(stack, { tls })));

function checkedOf(specs: ContainerSpec[]): Checked[] {
    const files = specs.flatMap((spec) => spec.files);
    return files.flatMap(({ path, content, check }) =>
        check && typeof content === "string"
            ? [{ file: path.split("/").slice(-2).join("/"), text: content, check }]
            : [],
    );
}

/** Runs a file's check on node 1, in a directory of its own. */
async function check({ text, check: line }: Checked): Promise<RunResult> {
    const write = (name: string, content: string): string =>
        `cat >"$DIR/${name}" <<'END_OF_FILE'\n${content}END_OF_FILE\n`;
    const files = Object.entries({ ...(await beside()), ".candidate": text }).map(([name, content]) =>
        write(name, content),
    );
    const script = `export DIR=$(mktemp -d /data/check.XXXX) CANDIDATE=.candidate\nchmod 755 $DIR\nmkdir $DIR/tls\ntrap 'rm -rf $DIR' EXIT\n${files.join("")}${line}\n`;
    return labExec("node1", ["sh", "-s"], { input: script });
}

describe.each(VARIANTS)("the configuration of $stack with tls $tls", (variant) => {
    it("has a validator for five files that are no secrets", () => {
        expect(
            validated(variant)
                .map(({ file }) => file)
                .sort(),
        ).toEqual([
            "haproxy/haproxy.cfg",
            "keepalived/keepalived.conf",
            "loki/config.yaml",
            "otel-collector/config.yaml",
            "prometheus/prometheus.yml",
        ]);
    });

    it.each(validated(variant))("$file is accepted by its service's own validator", async (file) => {
        const result = await check(file);
        expect(result.code, result.stdout + result.stderr).toBe(0);
    });
});

describe.each(COLLECTOR_VARIANTS)("the collectors of Container APM with $name", ({ name: _, ...changes }) => {
    const files = checkedOf(Object.values(collectorSpecs(changes)));

    it("have a validator each", () => {
        expect(files.map(({ file }) => file)).toEqual([
            "otel-node-collector/config.yaml",
            "otel-cluster-collector/config.yaml",
        ]);
    });

    it.each(files)("$file is accepted by it", async (file) => {
        const result = await check(file);
        expect(result.code, result.stdout + result.stderr).toBe(0);
    });

    it.each(files)("$file is refused by it with a mistake", async (file) => {
        expect((await check({ ...file, text: `${file.text}\nunknown_section: true\n` })).code).not.toBe(0);
    });
});

describe("a configuration with a mistake", () => {
    const mistakes: [RegExp, string][] = [
        [/haproxy -c/, "frontend broken\n    bind nowhere:no-port\n"],
        [/entrypoint keepalived/, "vrrp_instance broken {\n    virtual_router_id 999\n"],
        [/validate --config/, "unknown_section: true\n"],
        [/promtool|check config/, "unknown_section: true\n"],
        [/verify-config/, "unknown_section: true\n"],
    ];

    it.each(validated({ stack: "node1", tls: "internal" }))("in $file is refused by it", async (file) => {
        const [, mistake] = mistakes.find(([pattern]) => pattern.test(file.check))!;
        expect((await check({ ...file, text: `${file.text}\n${mistake}` })).code).not.toBe(0);
    });
});
