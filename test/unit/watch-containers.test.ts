import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished } from "./support/shell";

// What a host says about its containers, as files that a collector reads.

let bench: Bench;
const ID = { shop: "a".repeat(64), collector: "b".repeat(64) };
const LOG = (id: string): string => `/var/lib/docker/containers/${id}/${id}-json.log`;

/** As `docker inspect` answers with the script's template. */
const line = (name: keyof typeof ID, { running = true, health = "healthy", log = LOG(ID[name]) } = {}): string =>
    [
        ID[name],
        `/${name}-1`,
        `registry.example:5000/${name}:1.2`,
        running,
        running ? 77 : 0,
        3,
        "2026-11-30T12:00:00.5Z",
        JSON.stringify(log),
        JSON.stringify({ Status: "running", Health: { Status: health, Log: [{ Output: "a { b" }] } }),
    ].join(" ");

const dir = (): string => path.join(bench.root, "watch");
const run = (verb: string, ...options: string[]): Finished =>
    bench.run("watch-containers", [verb, ...options, dir()], "", {
        OTEL_HA_RUN: path.join(bench.root, "run"),
        OTEL_HA_ETC: path.join(bench.root, "etc"),
        OTEL_HA_PROC: path.join(bench.root, "proc"),
        OTEL_HA_CGROUPS: path.join(bench.root, "cgroups"),
    });
/** One round. */
const watch = (...options: string[]): Finished => run("run", "--interval", "0", ...options);

const put = (file: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(bench.root, file)), { recursive: true });
    fs.writeFileSync(path.join(bench.root, file), text);
};
const written = (file: string): string => fs.readFileSync(path.join(dir(), file), "utf8");
const links = (): string[] => fs.readdirSync(path.join(dir(), "containers")).sort();

interface Point {
    asInt?: string;
    asDouble?: number;
    timeUnixNano: string;
}
interface Metric {
    name: string;
    gauge?: { dataPoints: Point[] };
    sum?: { dataPoints: Point[]; isMonotonic: boolean; aggregationTemporality: number };
}

/** Name → value of the line about the container in this place. */
function figures(at = 0): Record<string, number> {
    const [resource] = JSON.parse(written("metrics.jsonl").split("\n")[at]!).resourceMetrics;
    const metrics: Metric[] = resource.scopeMetrics[0].metrics;
    return Object.fromEntries(
        metrics.map(({ name, gauge, sum }) => {
            const point = (gauge ?? sum)!.dataPoints[0]!;
            return [name, Number(point.asInt ?? point.asDouble)];
        }),
    );
}

beforeEach(() => {
    bench = new Bench();
    for (const program of ["flock", "setsid", "ln", "readlink", "wc", "rmdir"]) bench.link(program);
    fs.mkdirSync(path.join(bench.root, "run"));
    bench.write("containers", `${line("shop")}\n${line("collector")}\n`);
    bench.stub(
        "docker",
        `
case $1 in
    ps) cut -d ' ' -f 1 "$STATE/containers" ;;
    inspect) cat "$STATE/containers" ;;
    events) cat "$STATE/events" 2>/dev/null ;;
esac`,
    );
    put("proc/77/cgroup", "0::/docker/shop\n");
    put("cgroups/docker/shop/memory.current", "1000\n");
    put("cgroups/docker/shop/memory.stat", "anon 1\ninactive_file 200\n");
    put("cgroups/docker/shop/memory.max", "4096\n");
    put("cgroups/docker/shop/cpu.stat", "usage_usec 12345678\nuser_usec 1\n");
    put("cgroups/docker/shop/pids.current", "9\n");
});
afterEach(() => bench.remove());

describe("the containers' logs", () => {
    it("are found by the containers' names, but for the collectors' own", () => {
        expect(watch("--skip", "collector-1")).toMatchObject({ code: 0, err: "" });
        expect(links()).toEqual(["shop-1.log"]);
        expect(fs.readlinkSync(path.join(dir(), "containers", "shop-1.log"))).toBe(LOG(ID.shop));
    });

    it("are those of the container that has the name now, and gone with it", () => {
        watch();
        bench.write("containers", `${line("shop", { log: "/elsewhere/new.log" })}\n`);
        watch();
        expect(links()).toEqual(["shop-1.log"]);
        expect(fs.readlinkSync(path.join(dir(), "containers", "shop-1.log"))).toBe("/elsewhere/new.log");
    });

    it("are not there for a container that logs elsewhere", () => {
        bench.write("containers", `${line("shop", { log: "" })}\n`);
        watch();
        expect(links()).toEqual([]);
    });

    it("stay while the engine does not answer", () => {
        watch();
        bench.stub("docker", "exit 1");
        expect(watch()).toMatchObject({ code: 0 });
        expect(links()).toEqual(["collector-1.log", "shop-1.log"]);
    });
});

describe("a container's figures", () => {
    it("are a line of OTLP", () => {
        watch();
        expect(figures()).toEqual({
            "container.running": 1,
            "container.healthy": 1,
            "container.restarts": 3,
            "container.cpu.time": 12.345678,
            "container.memory.usage": 800,
            "container.memory.usage.limit": 4096,
            "container.pids.count": 9,
            "container.uptime": expect.any(Number),
        });
        const [resource] = JSON.parse(written("metrics.jsonl").split("\n")[0]!).resourceMetrics;
        expect(resource.resource.attributes).toContainEqual({
            key: "container.name",
            value: { stringValue: "shop-1" },
        });
    });

    it("come from the kernel's older trees, too, without a limit that is none", () => {
        put("proc/77/cgroup", "11:memory:/docker/shop\n4:cpu,cpuacct:/docker/shop\n3:pids:/docker/shop\n0::/\n");
        put("cgroups/cpuacct/docker/shop/cpuacct.usage", "2500000000\n");
        put("cgroups/memory/docker/shop/memory.usage_in_bytes", "5000\n");
        put("cgroups/memory/docker/shop/memory.limit_in_bytes", "9223372036854771712\n");
        put("cgroups/pids/docker/shop/pids.current", "4\n");
        watch();
        expect(figures()).toMatchObject({
            "container.cpu.time": 2.5,
            "container.memory.usage": 5000,
            "container.pids.count": 4,
        });
        expect(figures()).not.toHaveProperty("container.memory.usage.limit");
    });

    it("of one that does not run, or that the kernel says nothing about, are what is known", () => {
        bench.write("containers", `${line("shop", { running: false, health: "unhealthy" })}\n${line("collector")}\n`);
        put("proc/77/cgroup", "");
        watch();
        expect(figures(0)).toEqual({ "container.running": 0, "container.healthy": 0, "container.restarts": 3 });
        expect(figures(1)).toMatchObject({ "container.running": 1 });
    });

    it("never fill the disk", () => {
        for (let round = 0; round < 4; round++) watch("--max-kib", "1");
        const files = fs.readdirSync(dir()).filter((name) => name.startsWith("metrics"));
        expect(files.sort()).toEqual(["metrics.jsonl", "metrics.jsonl.1"]);
    });
});

describe("what the engine says has happened", () => {
    it("is asked for from where the last answer ended, without the commands of health checks", () => {
        put("watch/state/since", "1000\n");
        bench.write(
            "events",
            '{"Type":"container","Action":"die"}\n{"Type":"container","Action":"exec_create: sh -c true"}\n',
        );
        watch();
        expect(written("events/events.jsonl")).toBe('{"Type":"container","Action":"die"}\n');
        const asked = bench.argv().find((one) => one.startsWith("docker events"))!;
        expect(asked).toMatch(/^docker events --since 1000 --until \d+ --format {{json .}}$/);
        expect(written("state/since").trim()).toBe(/--until (\d+)/.exec(asked)![1]);
    });

    it("is asked for once more when the engine did not answer", () => {
        put("watch/state/since", "1000\n");
        bench.stub("docker", '[ "$1" != events ]');
        watch();
        expect(written("state/since")).toBe("1000\n");
    });

    it("can be read by another user, and nothing else can", () => {
        put("watch/state/since", "1000\n");
        bench.write("events", "{}\n");
        watch();
        const mode = (file: string): string => (fs.statSync(path.join(dir(), file)).mode & 0o777).toString(8);
        expect([mode("."), mode("events"), mode("events/events.jsonl")]).toEqual(["711", "755", "644"]);
        expect([mode("metrics.jsonl"), mode("containers"), mode("state")]).toEqual(["600", "700", "700"]);
    });
});

describe("the journal", () => {
    it("is read on from where it was left", () => {
        bench.stub("journalctl", `echo '{"MESSAGE":"one","__CURSOR":"s=1;i=2"}'`);
        watch();
        watch();
        const asked = bench.argv().filter((one) => one.startsWith("journalctl"));
        expect(asked[0]).toMatch(/ --since=@\d+$/);
        expect(asked[1]).toMatch(/ --after-cursor=s=1;i=2$/);
        expect(written("journal.jsonl")).toBe('{"MESSAGE":"one","__CURSOR":"s=1;i=2"}\n'.repeat(2));
    });

    it("is not missed where there is none", () => {
        expect(watch()).toMatchObject({ code: 0, err: "" });
        expect(fs.existsSync(path.join(dir(), "journal.jsonl"))).toBe(false);
    });
});

describe("going on", () => {
    beforeEach(() => {
        for (const program of ["systemctl"]) bench.stub(program, "");
    });

    it("is a service where there is systemd", () => {
        fs.mkdirSync(path.join(bench.root, "run/systemd/system"), { recursive: true });
        fs.mkdirSync(path.join(bench.root, "etc/systemd/system"), { recursive: true });
        expect(run("install", "--interval", "5", "--skip", "collector-1")).toMatchObject({ code: 0, out: "", err: "" });
        const unit = fs.readFileSync(
            path.join(bench.root, "etc/systemd/system/otel-ha-watch-containers.service"),
            "utf8",
        );
        expect(unit).toContain(`watch-containers run --interval 5 --skip collector-1 ${dir()}\n`);
        expect(unit).toContain("WantedBy=multi-user.target");
        expect(bench.argv().slice(-3)).toEqual([
            "systemctl daemon-reload",
            "systemctl --quiet enable otel-ha-watch-containers.service",
            "systemctl restart otel-ha-watch-containers.service",
        ]);
        expect(run("check", "--interval", "5", "--skip", "collector-1")).toMatchObject({ code: 0, out: "" });
        expect(run("check", "--interval", "6")).toMatchObject({ code: 1 });
        expect(run("remove")).toMatchObject({ code: 0, err: "" });
        expect(fs.existsSync(dir())).toBe(false);
        expect(fs.readdirSync(path.join(bench.root, "etc/systemd/system"))).toEqual([]);
    });

    it("is a process and a hook of ifupdown where there is none, one at a time, until it is removed", async () => {
        fs.mkdirSync(path.join(bench.root, "etc/network/if-pre-up.d"), { recursive: true });
        const pid = (): string =>
            fs.readFileSync(path.join(bench.root, "run/otel-ha-watch-containers.pid"), "utf8").trim();
        // One that has ended and that nobody has asked about has no command line.
        const alive = (one: string): boolean =>
            fs.existsSync(`/proc/${one}/cmdline`) && fs.readFileSync(`/proc/${one}/cmdline`, "utf8") !== "";
        const wait = async (until: () => boolean): Promise<void> => {
            for (let round = 0; round < 200 && !until(); round++) await new Promise((done) => setTimeout(done, 50));
        };
        const started =
            (before: string): (() => boolean) =>
            () =>
                fs.existsSync(path.join(bench.root, "run/otel-ha-watch-containers.pid")) &&
                pid() !== before &&
                fs.existsSync(path.join(dir(), "metrics.jsonl"));
        expect(run("install")).toMatchObject({ code: 0, out: "", err: "" });
        await wait(started(""));
        const first = pid();
        expect(run("check")).toMatchObject({ code: 0, out: "" });
        expect(run("install")).toMatchObject({ code: 0 });
        await wait(started(first));
        expect(alive(first)).toBe(false);
        const second = pid();
        expect(run("remove")).toMatchObject({ code: 0, err: "" });
        expect(alive(second)).toBe(false);
        expect(run("check")).toMatchObject({ code: 1, out: expect.stringContaining("is not running") });
        expect(fs.readdirSync(path.join(bench.root, "etc/network/if-pre-up.d"))).toEqual([]);
    });

    it("that would end with a reboot is said", () => {
        expect(run("install").out).toMatch(
            /^warning: what is known about the containers of this host ends with a reboot/,
        );
        run("remove");
    });
});

it.each([[[]], [["run"]], [["run", "--nonsense", "1", "/tmp/x"]], [["other", "/tmp/x"]]])(
    "tells how it is used: %j",
    (args) => {
        expect(bench.run("watch-containers", args)).toMatchObject({
            code: 2,
            err: expect.stringContaining("usage: watch-containers"),
        });
    },
);
