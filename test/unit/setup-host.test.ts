import { spawnSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HostArgs, Requirements } from "../../components";
import { setupScript } from "../../components/host";
import { nodeRequirements } from "../../components/node";
import { Bench, Finished, listener, SCRIPTS, SELF } from "./support/shell";
import { HOST_KEY, ROOT, settingsOf } from "./support/stacks";

let bench: Bench;
const NAME = os.hostname().split(".")[0];

beforeEach(() => {
    bench = new Bench();
    bench.link("ss");
    bench.stub("docker", 'case $1 in version) cat "$STATE/version" ;; *) exit 1 ;; esac');
    bench.write("version", "20.10.24\n");
    bench.stub("timedatectl", 'cat "$STATE/synchronised"');
    bench.write("synchronised", "yes\n");
});
afterEach(() => bench.remove());

const data = (): string => path.join(bench.root, "data", "prometheus");
const lib = (): string => path.join(bench.root, "usr", "lib");

/** What the program sends to a host, with its library in the temporary directory. */
function setup(args: Partial<HostArgs> = {}, needs: Partial<Requirements> = {}): Finished {
    const requirements = [
        {
            container: "prometheus-mid-1",
            directories: [{ path: data(), owner: SELF, mode: "0750" }],
            ports: [],
            dataPaths: [{ path: data() }],
            ...needs,
        },
    ];
    const all: HostArgs = {
        address: "10.0.0.7",
        hostName: `${NAME}.novalocal`,
        hostKey: HOST_KEY,
        minimumFreeDisk: "1MiB",
        requirements,
        ...args,
    };
    return bench.runText(setupScript(all).replace("LIB=/usr/local/lib/otel-ha", `LIB=${lib()}`));
}

describe("a good host", () => {
    it("gets its directories with owner and mode, and the helper scripts", () => {
        expect(setup()).toMatchObject({ code: 0, out: "", err: "" });
        expect(fs.statSync(data()).mode & 0o777).toBe(0o750);
        expect(fs.readdirSync(lib()).sort()).toEqual([
            "await-healthy",
            "firewall",
            "flush-loki",
            "may-stop-object-store",
            "mirror-buckets",
            "put-file",
            "reload-haproxy",
            "retire-object-store-users",
            "setup-object-store",
        ]);
        for (const script of fs.readdirSync(lib())) {
            const installed = path.join(lib(), script);
            expect(fs.statSync(installed).mode & 0o777).toBe(0o755);
            expect(fs.readFileSync(installed, "utf8")).toBe(
                fs.readFileSync(path.join(SCRIPTS, `${script}.sh`), "utf8"),
            );
        }
    });

    it("may be set up again, and keeps what is in its directories", () => {
        setup();
        fs.writeFileSync(path.join(data(), "block"), "data");
        expect(setup().code).toBe(0);
        expect(fs.readFileSync(path.join(data(), "block"), "utf8")).toBe("data");
    });

    it("may be called by its short name or its full one, or by none", () => {
        for (const hostName of [NAME, `${NAME}.example`, undefined]) expect(setup({ hostName }).code).toBe(0);
    });

    it("may have a newer Docker, and a path with spaces is one path", () => {
        bench.write("version", "28.5.1\n");
        const spaced = path.join(bench.root, "with space");
        expect(setup({}, { directories: [{ path: spaced, owner: SELF }] }).code).toBe(0);
        expect(fs.existsSync(spaced)).toBe(true);
    });
});

describe("a directory that is to be synchronous", () => {
    it("is each log by which Prometheus and Loki acknowledge", () => {
        const directories = nodeRequirements(settingsOf("node1")).flatMap((needs) => needs.directories);
        expect(directories.filter(({ synchronous }) => synchronous).map((at) => `${at.owner} ${at.path}`)).toEqual([
            "65534:65534 /data/volume/otel/prometheus/wal",
            "65534:65534 /data/volume/otel/prometheus/wbl",
            "10001:10001 /data/otel/volume/loki/wal",
            "10001:10001 /data/otel/volume/loki/index/wal",
        ]);
    });

    const wal = (): string => path.join(data(), "wal");
    const directories = (): Requirements["directories"] => [
        { path: data(), owner: SELF },
        { path: wal(), owner: SELF, synchronous: true },
    ];

    it("is, with what is in it, and no other is", () => {
        bench.stub("chattr", "exit 0");
        expect(setup({}, { directories: directories() })).toMatchObject({ code: 0, out: "", err: "" });
        expect(bench.argv().filter((line) => line.startsWith("chattr"))).toEqual([
            `chattr +S ${wal()}`,
            `chattr -R +S ${wal()}`,
        ]);
    });

    it("may hold a file that goes away while it is looked at", () => {
        bench.stub("chattr", 'case $1 in -R) echo "No such file" >&2; exit 1 ;; esac');
        expect(setup({}, { directories: directories() })).toMatchObject({ code: 0, out: "", err: "" });
    });

    it.each(["a file system that does not know how", "a host without chattr"])("is named in a warning: %s", (why) => {
        if (!why.includes("without")) bench.stub("chattr", "echo 'Operation not supported' >&2; exit 1");
        expect(setup({}, { directories: directories() })).toMatchObject({
            code: 0,
            out:
                `warning: host 10.0.0.7: ${wal()} cannot be made synchronous (chattr +S): ` +
                "what was written there in the last seconds before a power cut will be missing on this host\n",
            err: "",
        });
        expect(fs.statSync(wal()).isDirectory()).toBe(true);
    });
});

describe("a host with a problem says so, and nothing is made on it", () => {
    function problems(args: Partial<HostArgs> = {}, needs: Partial<Requirements> = {}): string[] {
        const done = setup(args, needs);
        expect(done.code).toBe(1);
        expect(fs.existsSync(data())).toBe(false);
        expect(fs.existsSync(lib())).toBe(false);
        return done.err.split("\n").slice(0, -1);
    }

    it("no Docker", () => {
        fs.rmSync(path.join(bench.bin, "docker"));
        expect(problems()).toEqual([
            "host 10.0.0.7: docker is not installed; install Docker 20.10 or newer (Debian: apt-get install docker.io)",
        ]);
    });

    it("a Docker daemon that does not answer", () => {
        bench.stub("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1");
        expect(problems()).toEqual([
            "host 10.0.0.7: the Docker daemon does not answer; start it (systemctl start docker) and look at its log",
        ]);
    });

    it.each(["19.03.15", "20.9.1", "1.13.1"])("Docker %s, which is too old", (version) => {
        bench.write("version", `${version}\n`);
        expect(problems()).toEqual([`host 10.0.0.7: Docker ${version} is too old; 20.10 or newer is needed`]);
    });

    it("a port that another process has", async () => {
        const other = await listener();
        const lines = problems(
            {},
            { ports: [{ port: other.port, key: "prometheusPort", use: "Prometheus", audience: [] }] },
        );
        other.close();
        expect(lines).toHaveLength(1);
        expect(lines[0]).toMatch(
            new RegExp(
                `^host 10\\.0\\.0\\.7: port ${other.port} \\(Prometheus\\) is in use by \\S+ \\(pid ${other.pid}\\); stop it, or set prometheusPort to a free port$`,
            ),
        );
    });

    it("no nft, where there is to be a firewall", () => {
        expect(problems({ firewall: {} })).toEqual([
            "host 10.0.0.7: nft is not installed; install nftables (Debian: apt-get install nftables), or set firewall to false",
        ]);
        expect(setup({}).code).toBe(0);
    });

    it("a kernel without nftables, where there is to be a firewall", () => {
        bench.stub("nft", "echo 'Error: cache initialization failed: Protocol not supported' >&2; exit 1");
        expect(problems({ firewall: {} })).toEqual([
            "host 10.0.0.7: nft does not work here: Error: cache initialization failed: Protocol not supported; load the kernel's nf_tables, or set firewall to false",
        ]);
        bench.stub("nft", "exit 0");
        expect(setup({ firewall: {} }).code).toBe(0);
    });

    it("an interface for VRRP without the address by which the other node's firewall lets it in", () => {
        bench.stub("nft", "exit 0");
        bench.stub("ip", 'echo "2: $6    inet $(cat "$STATE/address") brd 10.0.0.255 scope global eth1"');
        bench.write("address", "10.0.0.77/24");
        expect(problems({ firewall: { vrrpInterface: "eth1" } })).toEqual([
            "host 10.0.0.7: eth1 does not have the address 10.0.0.7, by which the other node's firewall knows VRRP; correct networkInterface, or set vrrpUnicast to true",
        ]);
        bench.write("address", "10.0.0.7/24");
        expect(setup({ firewall: { vrrpInterface: "eth1" } }).code).toBe(0);
        expect(bench.argv()).toContain("ip -4 -o addr show dev eth1");
    });

    it("a clock that is not synchronised", () => {
        bench.write("synchronised", "no\n");
        expect(problems()).toEqual([
            "host 10.0.0.7: the clock is not synchronised; enable NTP (timedatectl set-ntp true, or chrony)",
        ]);
    });

    it("chrony that has lost its sources, where there is no systemd", () => {
        bench.stub("timedatectl", "exit 1");
        bench.stub("chronyc", "echo 'Leap status     : Not synchronised'");
        expect(problems()).toEqual(["host 10.0.0.7: chrony says the clock is not synchronised; see chronyc tracking"]);
    });

    it("a disk without room, looked for where the directory will be", () => {
        const [line, ...more] = problems({ minimumFreeDisk: "1000TiB" });
        expect(line).toMatch(
            /^host 10\.0\.0\.7: only \d+ MiB free for \S+\/data\/prometheus; 1048576000 MiB are needed: /,
        );
        expect(line).toMatch(/: make room, or lower minimumFreeDisk$/);
        expect(more).toEqual([]);
    });

    it("a machine that is not the one that was meant", () => {
        expect(problems({ hostName: "other.novalocal" })).toEqual([
            `host 10.0.0.7: the machine calls itself ${os.hostname()}, not other.novalocal; correct nodeAddress or hostName`,
        ]);
    });

    it("all problems in one go, each with the host's address", async () => {
        bench.write("version", "19.03.15\n");
        bench.write("synchronised", "no\n");
        const other = await listener();
        const lines = problems(
            { hostName: "other", minimumFreeDisk: "1000TiB" },
            { ports: [{ port: other.port, key: "lokiPort", use: "Loki", audience: [] }] },
        );
        other.close();
        expect(lines).toHaveLength(5);
        for (const line of lines) expect(line).toMatch(/^host 10\.0\.0\.7: /);
        expect(lines.join("\n")).toMatch(
            /calls itself.*\n.*too old.*\n.*lokiPort.*\n.*minimumFreeDisk.*\n.*synchronised/,
        );
    });
});

describe("a port that our own container has", () => {
    it("is no problem: the host is set up again after every change of its settings", async () => {
        const other = await listener();
        // The process is found to be in a container, as /proc/PID/cgroup tells, and the container is one of ours.
        fs.rmSync(path.join(bench.bin, "sed"));
        const sed = spawnSync("sh", ["-c", "command -v sed"], { encoding: "utf8" }).stdout.trim();
        bench.stub("sed", `case "$*" in *cgroup*) echo ${"a".repeat(64)} ;; *) exec ${sed} "$@" ;; esac`);
        bench.stub("docker", 'case $1 in version) cat "$STATE/version" ;; inspect) cat "$STATE/name" ;; esac');
        const ports = [{ port: other.port, key: "prometheusPort", use: "Prometheus", audience: [] }];
        bench.write("name", "/prometheus-mid-1\n");
        expect(setup({}, { ports })).toMatchObject({ code: 0, err: "" });
        bench.write("name", "/prometheus-mid-11\n");
        expect(setup({}, { ports }).code).toBe(1);
        other.close();
    });
});

describe("the scripts", () => {
    const found = spawnSync("shellcheck", ["--version"]).status === 0;

    it("please shellcheck", { timeout: 120_000 }, (context) => {
        if (!found && process.env.CI !== "true") return context.skip("shellcheck is not installed");
        expect(found, "shellcheck is missing; install the package of that name").toBe(true);
        const files = [SCRIPTS, path.join(ROOT, "lab", "host")]
            .flatMap((directory) => fs.readdirSync(directory).map((file) => path.join(directory, file)))
            .filter((file) => file.endsWith(".sh"));
        const done = spawnSync("shellcheck", files, { encoding: "utf8" });
        expect(done.stdout).toBe("");
    });
});
