import { describe, expect, it } from "vitest";
import { details, follows } from "../../ops/preview/details";
import { COMMENT_LIMIT, marker, markdownText } from "../../ops/preview/markdown";
import { holdsSecret, masked } from "../../ops/preview/mask";
import { parsePreview, readPlan, Step } from "../../ops/preview/plan";
import { makeReport, reportName } from "../../ops/preview/report";
import { readResult } from "../../ops/preview/run";
import { reportText } from "../../ops/preview/text";
import { PLAIN } from "../../ops/terminal";
import { plannedNode, previewOf, RECORDINGS, recorded, reportOf, resultOf, situationWith } from "./support/previews";
import { HOST_KEY, STACKS } from "./support/stacks";

const SECRET_SIGNATURE = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
const OUTPUT_SIGNATURE = { "4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4" };

const shown = (lines: { sign: string; text: string }[]): string[] => lines.map(({ sign, text }) => sign + text);
const risksOf = (report: ReturnType<typeof reportOf>) =>
    Object.fromEntries(report.risks.map(({ title, lines }) => [title, lines]));

/** A preview of node 1 with one file whose text changes. */
function fileChange(
    before: string,
    after: string,
    file = "/data/docker/otel/haproxy/haproxy.cfg",
    more: Partial<Step> = {},
) {
    const [directory, name] = file.split("/").slice(-2);
    const urn = `urn:pulumi:node1::otel-ha::otel-ha:index:Node$otel-ha:index:RemoteFile$command:remote:Command::mid-1-${directory}-${name}`;
    const create = `/usr/local/lib/otel-ha/put-file --mode 0644 --reload x ${file}`;
    const oldState = { inputs: { create, stdin: before } };
    const newState = { inputs: { create, stdin: after } };
    const steps = [{ op: "update", urn, oldState, newState, diffReasons: ["stdin"], ...more }];
    return JSON.stringify({ steps, changeSummary: { same: 80, update: 1 } });
}
const reportOfText = (text: string) => makeReport("all", [resultOf(text, "node1")], situationWith());

describe("recorded previews", () => {
    it("hold nothing of the machine that recorded them, and no secret", () => {
        expect(RECORDINGS).toEqual(expect.arrayContaining(["none", "reload", "risky", "rotation", "given", "refused"]));
        for (const name of RECORDINGS)
            for (const stack of STACKS) {
                const text = recorded(name, stack);
                expect(text).not.toMatch(/\/(?:tmp|home|root|work)\/(?!haproxy\.sock)[\w.-]+\/|PRIVATE KEY-----\\n/);
                expect(text).not.toContain("not-to-be-seen");
                for (const [key] of text.matchAll(/ssh-ed25519 [^"\\]+/g)) expect(key).toBe(HOST_KEY);
            }
    });
});

describe("certificates", () => {
    const step = (op: string, type: string, name: string) => ({
        op,
        urn: `urn:pulumi:node1::otel-ha::otel-ha:index:X$tls:index/${type[0]!.toLowerCase()}${type.slice(1)}:${type}::${name}`,
        diffReasons: ["replacementTrigger"],
    });
    const plan = (...steps: object[]) =>
        readPlan(JSON.stringify({ steps, changeSummary: { replace: steps.length } }), plannedNode("node1"));
    const renewal = [
        step("replace", "PrivateKey", "mid-1-certificate-peer-key"),
        step("replace", "CertRequest", "mid-1-certificate-peer-request"),
        step("replace", "LocallySignedCert", "mid-1-certificate-peer"),
    ];

    it("that are renewed are one change each, and no secret that the other node has to read", () => {
        const { changes, newSecrets } = plan(...renewal);
        expect(changes).toEqual([{ op: "replace", what: "certificate peer", effect: "none" }]);
        expect(newSecrets).toBe(false);
        const preview = parsePreview(JSON.stringify({ steps: renewal }));
        expect(details(preview, plannedNode("node1"))).toMatchObject([
            { title: "certificate peer", note: "Made anew, with another key.", lines: [] },
        ]);
    });

    it("are the other node's matter, too, when the CA is new", () => {
        expect(plan(step("create", "SelfSignedCert", "ca-1")).newSecrets).toBe(true);
    });
});

describe("what a preview does to people", () => {
    it("says the worst first: what restarts, what moves the virtual IP, what breaks a quorum, what only reloads", () => {
        const report = reportOf("risky");
        expect(report.risks.map(({ title }) => title)).toEqual([
            "Starts anew",
            "Moves the virtual IP",
            "Breaks a quorum",
            "Only reloads",
        ]);
        expect(risksOf(report)).toEqual({
            "Starts anew": ["mid-2: minio, loki, haproxy", "mid-1: minio, loki, haproxy"],
            "Moves the virtual IP": [
                "the virtual IP moves to mid-2 while haproxy of mid-1 starts anew, and comes back",
                "both hosts hold the virtual IP until both have the new advert_int",
            ],
            "Breaks a quorum": [
                expect.stringContaining("takes no writes while minio of mid-2 starts anew"),
                expect.stringContaining("takes no writes while minio of mid-1 starts anew"),
            ],
            "Only reloads": ["mid-2: keepalived", "mid-1: keepalived"],
        });
        expect(report.headline).toBe(
            "services start anew, the virtual IP may move, a quorum breaks for a while, services reload",
        );
    });

    it("does not call it a quorum where each host has a store of its own", () => {
        const found = risksOf(reportOf("risky", { situation: situationWith({ objectStore: "mirrored" }) }));
        expect(found["Breaks a quorum"]).toBeUndefined();
        expect(found.Meanwhile).toContain("Loki and Thanos of mid-1 keep what they have while its minio starts anew");
    });

    it("leaves the virtual IP out when only the other host's HAProxy starts anew", () => {
        const report = reportOf("risky", { stacks: ["node2"] });
        expect(risksOf(report)["Moves the virtual IP"]).toEqual([expect.stringContaining("advert_int")]);
        expect(risksOf(report)["Starts anew"]).toEqual(["mid-2: minio, loki, haproxy"]);
    });

    it("says that a reload is all", () => {
        const report = reportOf("reload");
        expect(risksOf(report)).toEqual({ "Only reloads": ["mid-2: haproxy", "mid-1: haproxy"] });
        expect(report.headline).toBe("no service starts anew, services reload");
    });

    it("says that nothing changes, whatever there is to know", () => {
        const report = reportOf("none");
        expect(report).toMatchObject({ result: "nothing to change", headline: "nothing to change", risks: [] });
        expect(report.warnings).toEqual([
            expect.stringContaining("objectStore: pooled"),
            expect.stringContaining("sshPrivateKeyFile"),
        ]);
    });

    it("reads keepalived.conf for what moves the address without a restart", () => {
        const file = "/data/docker/otel/keepalived/keepalived.conf";
        const lines = (before: string, after: string) =>
            risksOf(reportOfText(fileChange(before, after, file)))["Moves the virtual IP"];
        expect(lines("    priority 100\n", "    priority 80\n")).toEqual([
            "mid-1: its priority in keepalived.conf changes, and with it who holds the address",
        ]);
        expect(lines("    10.0.0.1/32 dev eth0\n", "    10.0.0.2/32 dev eth0\n")).toEqual([
            "the virtual IP itself changes: clients need the new address",
        ]);
        expect(lines("# a\n", "# b\n")).toBeUndefined();
    });

    it("tells of new secrets, and of services that are taken away", () => {
        expect(risksOf(reportOf("rotation")).Meanwhile).toEqual([expect.stringContaining("mid-1 makes new secrets")]);
        const alter = (text: string): string => {
            const preview = JSON.parse(text) as { steps: Step[] };
            for (const step of preview.steps)
                if (step.urn.endsWith("Container::mid-1-loki"))
                    Object.assign(step, { op: "delete", newState: undefined });
            return JSON.stringify(preview);
        };
        expect(risksOf(reportOf("risky", { alter, stacks: ["node1"] }))).toMatchObject({
            "Starts anew": ["mid-1: minio, haproxy"],
            Stops: ["mid-1: loki"],
        });
    });
});

describe("what changes, line by line", () => {
    const { preview, node } = previewOf("risky", "node1");
    const all = details(preview, node);
    const named = (title: string) => all.find((detail) => detail.title === title)!;

    it("shows files by their paths on the host, changed lines with what is around them", () => {
        expect(shown(named("/data/docker/otel/keepalived/keepalived.conf").lines)).toEqual([
            " …",
            "     interface eth0",
            "     virtual_router_id 51",
            "     priority 100",
            "-    advert_int 1",
            "+    advert_int 2",
            " ",
            "     include /etc/keepalived/authentication.conf",
            " ",
        ]);
    });

    it("shows the image of a container, and not the hashes of its labels", () => {
        expect(shown(named("image haproxy").lines)).toEqual(["-name: haproxy:2.6.12", "+name: haproxy:2.6.13"]);
        expect(shown(named("container minio").lines)).toEqual([
            expect.stringMatching(/^-image: sha256:/),
            '+image: "[unknown]"',
        ]);
        expect(named("container loki")).toMatchObject({
            lines: [],
            note: "Made anew since what it reads at its start changes.",
        });
    });

    it("puts what starts services anew before what reloads them, and that before the rest", () => {
        expect(all.map(({ change }) => change!.effect)).toEqual([
            "restarts",
            "restarts",
            "restarts",
            "reloads",
            "none",
            "none",
            "none",
        ]);
    });

    it("counts every step once: shown, or among what follows", () => {
        const names = follows(preview, node);
        expect(names).toEqual(expect.arrayContaining(["loki-ready", "minio-may-stop", "haproxy-stats-users.cfg"]));
        expect(all.length + names.length).toBe(preview.steps.length);
    });

    it("shows a new file whole, and of a removed one nothing but that it goes", () => {
        const report = (op: string, ...states: ("oldState" | "newState")[]) => {
            const step = JSON.parse(fileChange("old\n", "new\n")) as { steps: Step[] };
            for (const state of ["oldState", "newState"] as const)
                if (!states.includes(state)) delete step.steps[0]![state];
            Object.assign(step.steps[0]!, { op, diffReasons: undefined });
            return reportOfText(JSON.stringify(step)).hosts[0]!.details;
        };
        expect(report("create", "newState")).toMatchObject([{ op: "create", lines: [{ sign: "+", text: "new" }] }]);
        const removed = report("delete", "oldState");
        expect(removed).toMatchObject([{ op: "delete", lines: [] }]);
    });
});

describe("secrets", () => {
    const PLAINTEXT = "s3cr3t-plain-text";
    const everything = (report: ReturnType<typeof reportOf>): string =>
        [markdownText(report, 1_000_000), reportText(report, PLAIN), JSON.stringify(report)].join("\n");

    it("of a rotation are named, and not shown", () => {
        const { details: all } = reportOf("rotation").hosts[1]!;
        const file = all.find(({ title }) => title === "/data/docker/otel/minio/root.env")!;
        expect(file).toMatchObject({ note: "Secret: it changes, and is not shown.", lines: [] });
    });

    it("that are given in the settings are not shown either", () => {
        expect(recorded("given", "node1")).toContain('"stdin": "[secret]"');
        const said = everything(reportOf("given"));
        expect(said).toContain("Secret: it changes, and is not shown.");
        expect(said).not.toMatch(/not-to-be-seen|unseen00/);
    });

    it.each([
        ["a marked value", { ...SECRET_SIGNATURE, value: PLAINTEXT }],
        ["a value of a state file", { ...SECRET_SIGNATURE, plaintext: JSON.stringify(PLAINTEXT) }],
        ["a marked output", { ...OUTPUT_SIGNATURE, secret: true, value: PLAINTEXT }],
    ])("are masked should Pulumi leave them in: %s", (_what, marked) => {
        const alter = (text: string): string => text.replaceAll('"[secret]"', JSON.stringify(marked));
        for (const name of ["rotation", "given", "risky"]) {
            const report = reportOf(name, { alter });
            expect(everything(report)).not.toContain(PLAINTEXT);
            expect(markdownText(report)).toBe(markdownText(reportOf(name)));
        }
    });

    it("are not shown when only one side is marked, nor a private key that nobody marked", () => {
        for (const [before, after] of [
            ["[secret]", `password ${PLAINTEXT}`],
            [`password ${PLAINTEXT}`, "[secret]"],
        ]) {
            const said = everything(reportOfText(fileChange(before!, after!)));
            expect(said).not.toContain(PLAINTEXT);
            expect(said).toContain("Secret: it changes, and is not shown.");
        }
        const pem = (body: string) =>
            `ca\n-----BEGIN ${"EC"} PRIVATE KEY-----\n${body}\n-----END ${"EC"} PRIVATE KEY-----\n`;
        const said = everything(reportOfText(fileChange(pem(PLAINTEXT), pem(`other ${PLAINTEXT}`))));
        expect(said).not.toContain(PLAINTEXT);
        expect(said).toContain("Secret: it changes, and is not shown.");
    });

    it("are masked in errors, too, and wherever else they are", () => {
        const key = `-----BEGIN ${"OPENSSH"} PRIVATE KEY-----\\nabc\\n-----END ${"OPENSSH"} PRIVATE KEY-----`;
        const diagnostics = `{"diagnostics": [{"severity": "error", "message": "cannot read ${key}"}]}`;
        expect(readResult(plannedNode("node1"), 255, diagnostics, "")).toMatchObject({
            errors: ["cannot read [secret]"],
        });
        expect(masked({ a: [{ ...OUTPUT_SIGNATURE, value: "open" }] })).toEqual({ a: ["open"] });
        expect(holdsSecret({ a: ["x", { b: "[secret]" }] })).toBe(true);
        expect(holdsSecret({ a: ["x", null, 1] })).toBe(false);
    });
});

describe("the Markdown document", () => {
    it("begins with its mark, which tells it from another pair's", () => {
        expect(markdownText(reportOf("reload")).split("\n")[0]).toBe("<!-- otel-ha preview: all -->");
        expect(marker(reportName(["node2", "node1"]))).toBe("<!-- otel-ha preview: node1 node2 -->");
    });

    it.each(["reload", "risky", "rotation", "refused", "none"])("is this for %s", async (name) => {
        await expect(markdownText(reportOf(name))).toMatchFileSnapshot(`__snapshots__/preview/${name}.md`);
    });

    it("says why a preview fails, beside what the other stack would do", () => {
        const text = markdownText(reportOf("refused"));
        expect(text).toContain("## otel-ha preview: it fails");
        expect(text).toContain('vip: "192.168.110.400" is not an IPv4 address');
        expect(text).not.toContain("preview failed");
    });

    it("keeps a file from ending its fence, and names from being HTML", () => {
        const report = reportOfText(fileChange("a\n", "````\n</details>\n"));
        const text = markdownText(report);
        expect(text).toContain("`````diff\n-a\n+````\n+</details>\n`````");
        report.hosts[0]!.details[0]!.title = "<img> @everyone | `x`";
        expect(markdownText(report)).toContain("&lt;img&gt; @\u200beveryone \\| \\`x\\`");
    });

    const big = (lines: number): string => Array.from({ length: lines }, (_, at) => `setting${at} value\n`).join("");

    it("fits into a comment, leaves the least risky out first, and says so", () => {
        const report = reportOf("risky");
        const [file] = reportOfText(fileChange("", big(399))).hosts[0]!.details;
        const [host] = report.hosts;
        host!.details.push(
            ...Array.from({ length: 30 }, (_, at) => ({ ...file!, title: `/data/${at}.conf`, change: undefined })),
        );
        const text = markdownText(report);
        expect(text.length).toBeLessThanOrEqual(COMMENT_LIMIT);
        expect(text.length).toBeGreaterThan(COMMENT_LIMIT - 10_000);
        expect(text).toMatch(
            /\*\*Cut short:\*\* a comment holds 65,536 characters\. \d+ of the diffs are left out \(.* of mid-2, .*and others\)\. `otel-ha preview` shows all of it\./,
        );
        // Risks and both hosts' containers are there all the same.
        for (const kept of ["**Breaks a quorum**", "### mid-1", "container minio", "keepalived.conf"])
            expect(text).toContain(kept);
        expect(text.match(/<details>/g)!.length).toBe(text.match(/<\/details>/g)!.length);
    });

    it("shows the beginning of one very long diff", () => {
        const text = markdownText(reportOfText(fileChange("", big(1000))));
        expect(text).toContain("600 more lines are left out. `otel-ha preview` shows them.");
        expect(reportText(reportOfText(fileChange("", big(1000))), PLAIN)).toContain("setting999");
    });

    it("is cut by lines when even what must be said is too long", () => {
        const report = reportOf("reload");
        report.risks[0]!.lines = Array.from({ length: 200 }, (_, at) => `mid-${at}: haproxy`);
        const text = markdownText(report, 1000);
        expect(text.length).toBeLessThanOrEqual(1000);
        expect(text.startsWith(marker("all"))).toBe(true);
        expect(text).toMatch(/haproxy\n\n\*\*Cut short:\*\* a comment holds 1,000 characters\. .*\n$/);
    });
});

describe("what Pulumi printed", () => {
    it("may lack everything, but must be JSON", () => {
        expect(parsePreview("{}")).toEqual({ steps: [], changeSummary: {}, diagnostics: [] });
        expect(readResult(plannedNode("node1"), 0, "secret words", "")).toEqual({
            node: plannedNode("node1"),
            errors: ["pulumi preview --json ended well, but printed no JSON document"],
        });
        expect(readResult(plannedNode("node1"), 9, "", "")).toMatchObject({
            errors: ["pulumi preview ended with code 9"],
        });
    });
});
