// Nobody is locked out, and what was confirmed stays: the real script in network namespaces of its own.
import * as fs from "fs";
import * as path from "path";
import { describe, expect, it } from "vitest";
import { ADMIN, FirewallHost, lockOut, rules, sleep, SSH, STRANGER, until } from "./support/firewall-host";

const here = FirewallHost.forThisFile();

describe("rules that nobody confirms", () => {
    it("are taken back by themselves, with what was there before: SSH that they shut out works again", async () => {
        here.up();
        const before = here.table();
        expect(here.firewall(["apply", "--seconds", "4"], lockOut()).code).toBe(0);
        expect(here.canConnect(ADMIN, SSH)).toBe(false);
        await until("SSH works again", () => here.canConnect(ADMIN, SSH));
        expect(here.table()).toBe(before);
        expect(here.firewall(["check"]).out).toContain("is not what was asked for last");
    });

    it("leave nothing when there was nothing", async () => {
        expect(here.firewall(["apply", "--seconds", "1"], rules()).code).toBe(0);
        expect(here.table()).toContain("chain input");
        await until("the table is gone", () => here.table() === "");
        expect(fs.existsSync(path.join(here.dir, "rules.nft"))).toBe(false);
    });

    it("go back to the last confirmed ones, not to others that were never confirmed", async () => {
        here.up();
        const before = here.table();
        here.firewall(["apply", "--seconds", "2"], lockOut());
        here.firewall(["apply", "--seconds", "1"], rules({ adminCidrs: "10.0.0.0/8" }));
        await until("the confirmed rules are back", () => here.table() === before);
        // The first one's timer comes too late to do anything.
        await sleep(1500);
        expect(here.table()).toBe(before);
    });

    it("are told to the run that could not confirm them, once; the next one loads them again and has the third command confirm", async () => {
        here.firewall(["apply", "--seconds", "1"], rules());
        await until("the rules are taken back", () => here.table() === "");
        const told = here.firewall(["confirm", "--again"]);
        expect(told.code).toBe(1);
        expect(told.err).toMatch(
            /^firewall: the rules were taken back: nobody confirmed them over a new SSH connection in time/,
        );
        expect(here.table()).toBe("");
        expect(here.firewall(["confirm", "--again"])).toMatchObject({ code: 0, err: "" });
        expect(here.table()).toContain("chain input");
        expect(fs.existsSync(path.join(here.dir, "rules.nft"))).toBe(false);
        expect(here.firewall(["confirm"])).toMatchObject({ code: 0, err: "" });
        expect(fs.readFileSync(path.join(here.dir, "rules.nft"), "utf8")).toBe(rules());
    });

    it("are never confirmed by the last command unless they are in force", async () => {
        here.firewall(["apply", "--seconds", "1"], rules());
        await until("the rules are taken back", () => here.table() === "");
        here.firewall(["confirm"]);
        const again = here.firewall(["confirm"]);
        expect(again.code).toBe(1);
        expect(again.err).toContain("the rules are not in force");
        expect(here.table()).toBe("");
    });

    it("do not keep the session that loaded them waiting", () => {
        const start = Date.now();
        here.firewall(["apply", "--seconds", "20"], rules());
        expect(here.firewall(["confirm"]).code).toBe(0);
        expect(Date.now() - start).toBeLessThan(8000);
    });

    it("are not confirmed over the SSH connection that was there before them", () => {
        // A process of that name stands for OpenSSH's, which is one for each connection.
        const sshd = path.join(here.root, "bin", "sshd");
        fs.copyFileSync(fs.realpathSync("/bin/sh"), sshd);
        fs.chmodSync(sshd, 0o755);
        const line = '"$0" apply --seconds 20 "$1" && "$0" confirm "$1"; exit $?';
        const same = here.host.run([sshd, "-c", line, here.script, here.dir], { input: rules() });
        expect(same.err).toMatch(/^firewall: this SSH connection was there before the rules/);
        expect(same.code).toBe(1);
        expect(here.host.run([sshd, "-c", '"$0" confirm "$1"; exit $?', here.script, here.dir]).code).toBe(0);
        expect(here.firewall(["check"])).toMatchObject({ code: 0, out: "" });
    });
});

describe("the same rules again", () => {
    it("change nothing, and need nobody to confirm them", async () => {
        here.up();
        const before = here.table();
        expect(here.firewall(["apply", "--seconds", "1"], rules()).code).toBe(0);
        await sleep(1600);
        expect(here.table()).toBe(before);
        expect(here.firewall(["confirm", "--again"])).toMatchObject({ code: 0, out: "", err: "" });
        expect(here.firewall(["check"])).toMatchObject({ code: 0, out: "" });
    });

    it("are loaded where somebody has removed the table", () => {
        here.up();
        here.host.must(["nft", "delete", "table", "inet", "otel_ha"]);
        here.up();
        expect(here.canConnect(STRANGER, 9090)).toBe(false);
    });

    it("tell the confirmation to run again: another text each time", () => {
        const first = here.firewall(["apply"], rules()).out;
        here.firewall(["confirm"]);
        expect(first).toMatch(/^[0-9a-f-]{36}\n$/);
        expect(here.firewall(["apply"], rules()).out).not.toBe(first);
    });
});

describe("rules that nft does not take", () => {
    it("change nothing, and nft's own words say which line", () => {
        here.up();
        const before = here.table();
        const refused = here.firewall(["apply"], rules().replace("policy accept", "policy sometimes"));
        expect(refused.code).toBe(1);
        expect(refused.err).toMatch(
            /wanted\.nft\.part:\d+:.*Error: .*\n[\s\S]*the rules are not valid \(see above\); nothing has changed\n$/,
        );
        expect(here.table()).toBe(before);
        expect(here.firewall(["check"]).code).toBe(0);
    });
});

describe("a reboot", () => {
    const hook = (): string => path.join(here.root, "etc/network/if-pre-up.d/otel-ha-firewall");
    const reboot = (): void => {
        here.host.must(["nft", "flush", "ruleset"]);
        fs.rmSync(path.join(here.root, "run"), { recursive: true });
        fs.mkdirSync(path.join(here.root, "run"));
    };

    it("without systemd has the rules back before an interface is up, by ifupdown", () => {
        here.up();
        const before = here.table();
        reboot();
        expect(here.host.run([hook()])).toMatchObject({ code: 0, err: "" });
        expect(here.table()).toBe(before);
        expect(here.firewall(["check"])).toMatchObject({ code: 0, out: "" });
    });

    it("has back what was confirmed, when others were being tried", () => {
        here.up();
        const before = here.table();
        here.firewall(["apply", "--seconds", "20"], lockOut());
        reboot();
        expect(here.host.run([hook()]).code).toBe(0);
        expect(here.table()).toBe(before);
    });

    it("brings the network up, whatever is wrong with the firewall", () => {
        here.up();
        reboot();
        fs.writeFileSync(path.join(here.dir, "rules.nft"), "no rules at all\n");
        const done = here.host.run([hook()]);
        expect(done.code).toBe(0);
        expect(done.err).toContain("otel-ha: the firewall could not be loaded\n");
    });

    it("on a host with neither systemd nor ifupdown is warned of, with what to do", () => {
        fs.rmSync(path.join(here.root, "etc/network"), { recursive: true });
        expect(here.up().out).toMatch(
            /^warning: the firewall does not outlive a reboot of this host, which has neither systemd nor ifupdown: run \S+ load \S+ there before the network is up\n$/,
        );
    });

    it("with systemd is a unit that is enabled, and loads what was confirmed", () => {
        fs.mkdirSync(path.join(here.root, "run/systemd/system"), { recursive: true });
        fs.mkdirSync(path.join(here.root, "etc/systemd/system"), { recursive: true });
        const noted = path.join(here.root, "noted");
        const stub = (name: string, body: string): void =>
            fs.writeFileSync(path.join(here.root, "bin", name), `#!/bin/sh\necho "${name} $*" >>${noted}\n${body}\n`, {
                mode: 0o755,
            });
        stub("systemctl", "");
        stub("systemd-run", 'while [ $# -gt 0 ]; do case $1 in --*) shift ;; *) break ;; esac; done\nsetsid "$@" &');
        here.up();
        const unit = fs.readFileSync(path.join(here.root, "etc/systemd/system/otel-ha-firewall.service"), "utf8");
        expect(unit).toContain(`\nExecStart=${here.script} load ${here.dir}\n`);
        expect(unit).toContain("\nBefore=network-pre.target docker.service shutdown.target\n");
        expect(unit).toContain("\nWantedBy=sysinit.target nftables.service\n");
        const lines = fs.readFileSync(noted, "utf8").split("\n");
        expect(lines[0]).toMatch(
            new RegExp(
                `^systemd-run --quiet --collect --unit=otel-ha-firewall-\\S+ ${here.script} expire --token \\S+ --seconds 20 ${here.dir}$`,
            ),
        );
        expect(lines.slice(1, 4)).toEqual([
            "systemctl daemon-reload",
            "systemctl --quiet enable otel-ha-firewall.service",
            "systemctl --no-block start otel-ha-firewall.service",
        ]);
        expect(here.firewall(["check"]).code).toBe(0);
        expect(here.firewall(["remove"]).code).toBe(0);
        expect(fs.readFileSync(noted, "utf8")).toContain("systemctl --quiet disable otel-ha-firewall.service\n");
        expect(fs.readdirSync(path.join(here.root, "etc/systemd/system"))).toEqual([]);
    });
});

describe("check", () => {
    it("shows what somebody changed by hand", () => {
        here.up();
        here.host.must(["nft", "insert", "rule", "inet", "otel_ha", "input", "tcp", "dport", "9090", "accept"]);
        fs.appendFileSync(path.join(here.dir, "rules.nft"), "# mine\n");
        fs.rmSync(path.join(here.root, "etc/network/if-pre-up.d/otel-ha-firewall"));
        const { code, out } = here.firewall(["check"]);
        expect(code).toBe(1);
        expect(out).toMatch(/rules\.nft is not what was asked for last/);
        expect(out).toMatch(/the table inet otel_ha is not what was loaded:\n[\s\S]*^\+\t\ttcp dport 9090 accept$/m);
        expect(out).toMatch(/if-pre-up\.d\/otel-ha-firewall is not as it was written/);
    });

    it("misses the whole table", () => {
        here.up();
        here.host.must(["nft", "flush", "ruleset"]);
        expect(here.firewall(["check"]).out).toContain("the table inet otel_ha is not what was loaded:\n");
        expect(here.firewall(["load"]).code).toBe(0);
        expect(here.firewall(["check"])).toMatchObject({ code: 0, out: "" });
    });
});
