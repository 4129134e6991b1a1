// The services' own validators, as they run on a host before a file takes its place.
import { describe, expect, it } from "vitest";
import { labExec } from "../../lab/hosts";
import { RunResult } from "../../lab/run";
import { specsOf } from "../unit/support/specs";

interface Checked {
    file: string;
    text: string;
    check: string;
}

/** Files that a configuration refers to, as they lie beside it. */
const BESIDE = {
    "stats-users.cfg": "userlist stats\n    user admin insecure-password x\n",
    "authentication.conf": "authentication {\n    auth_type PASS\n    auth_pass abcdefgh\n}\n",
};

/** Every configuration file that has a validator, as this stack renders it. */
function validated(stack: "node1" | "node2"): Checked[] {
    const files = Object.values(specsOf(stack)).flatMap((spec) => spec.files);
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
    const files = Object.entries({ ...BESIDE, ".candidate": text }).map(([name, content]) => write(name, content));
    const script = `export DIR=$(mktemp -d /data/check.XXXX) CANDIDATE=.candidate\nchmod 755 $DIR\ntrap 'rm -rf $DIR' EXIT\n${files.join("")}${line}\n`;
    return labExec("node1", ["sh", "-s"], { input: script });
}

describe.each(["node1", "node2"] as const)("the configuration of %s", (stack) => {
    it("has a validator for five files", () => {
        expect(
            validated(stack)
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

    it.each(validated(stack))("$file is accepted by its service's own validator", async (file) => {
        const result = await check(file);
        expect(result.code, result.stdout + result.stderr).toBe(0);
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

    it.each(validated("node1"))("in $file is refused by it", async (file) => {
        const [, mistake] = mistakes.find(([pattern]) => pattern.test(file.check))!;
        expect((await check({ ...file, text: `${file.text}\n${mistake}` })).code).not.toBe(0);
    });
});
