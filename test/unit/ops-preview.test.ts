import { describe, expect, it } from "vitest";
import { consequences } from "../../ops/preview/consequences";
import { details, follows } from "../../ops/preview/details";
import { parsePreview, readPlan, Step } from "../../ops/preview/plan";
import { readResult } from "../../ops/preview/run";
import {
    fileChange,
    plannedNode,
    previewOf,
    recorded,
    RECORDINGS,
    reportOf,
    reportOfText,
    situationWith,
} from "./support/previews";
import { HOST_KEY, STACKS } from "./support/stacks";

const shown = (lines: { sign: string; text: string }[]): string[] => lines.map(({ sign, text }) => sign + text);
const risksOf = (report: ReturnType<typeof reportOf>) =>
    Object.fromEntries(report.risks.map(({ title, lines }) => [title, lines]));

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
        const certificate = step("create", "LocallySignedCert", "mid-1-certificate-peer");
        expect(plan(step("create", "SelfSignedCert", "ca-2"), certificate).newSecrets).toBe(true);
        expect(plan(certificate).newSecrets).toBe(false);
    });

    it("and CAs are nobody's secret but may give the other stack something to do", () => {
        for (const steps of [
            renewal,
            [step("create", "SelfSignedCert", "ca-2")],
            [step("delete", "SelfSignedCert", "ca-1")],
        ])
            expect(plan(...steps)).toMatchObject({ newSecrets: false, leads: true });
        expect(plan()).toMatchObject({ newSecrets: false, leads: false });
    });

    it("say what clients have to do while a CA is replaced", () => {
        const said = (...steps: object[]): string[] =>
            consequences([plan(...steps)], situationWith()).map(({ text }) => text);
        const signed = {
            ...step("replace", "LocallySignedCert", "mid-1-certificate-peer"),
            diffReasons: ["caCertPem"],
        };
        expect(said(step("create", "SelfSignedCert", "ca-2"))).toEqual([
            "both nodes believe CA 2, too; clients need it beside what they have (pulumi stack output caCertificate) before it signs",
        ]);
        expect(said(signed)).toEqual([
            "another CA signs the certificates of mid-1: clients that do not believe it yet are cut off",
        ]);
        expect(said(step("delete", "SelfSignedCert", "ca-1"))).toEqual([
            "CA 1 is not believed any more: clients that know no other one are cut off, if they were not before",
        ]);
        expect(said(...renewal)).toEqual([]);
        // With tls: off all of them go.
        const leaf = step("delete", "LocallySignedCert", "mid-1-certificate-peer");
        expect(said(step("delete", "SelfSignedCert", "ca-1"), leaf)).toEqual([]);
    });

    it("and secrets say whom the old one stops working for, and when", () => {
        const secret = (op: string, name: string) => ({
            op,
            urn: `urn:pulumi:node1::otel-ha::otel-ha:index:Credentials$random:index/randomPassword:RandomPassword::credentials-${name}`,
        });
        const said = (...steps: object[]): string[] =>
            consequences([plan(...steps)], situationWith()).flatMap(({ of, text }) => (of === "clients" ? [text] : []));
        expect(said(secret("replace", "queryPassword"), secret("replace", "vrrpPassword"))).toEqual([
            "the password of query is another one, and the old one is refused at once: dashboards need the new one (pulumi stack output queryPassword --show-secrets)",
            "the nodes get another VRRP password one after the other; the virtual IP stays where it is meanwhile",
        ]);
        expect(said(secret("create", "otlpToken-web.g2"), secret("create", "otlpToken-shop.g2"))[0]).toContain(
            "another token is accepted beside the former one of shop, web; hand it out",
        );
        expect(said(secret("create", "otlpToken-web"))).toEqual([]);
        expect(said(secret("delete", "otlpToken-web"))).toEqual(["a token of web is refused from now on"]);
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
                expect.stringContaining("takes no writes from the update of mid-2 until mid-1 has it, too"),
                expect.stringContaining("takes no writes from the update of mid-1 until mid-2 has it, too"),
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
        expect(risksOf(reportOf("rotation")).Meanwhile).toEqual([
            expect.stringContaining("mid-1 makes new secrets"),
            expect.stringContaining("the password of admin is another one"),
            expect.stringContaining("another VRRP password"),
        ]);
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
