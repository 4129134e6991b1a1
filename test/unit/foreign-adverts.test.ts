import { ChildProcess, spawn } from "child_process";
import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keepalivedSpec } from "../../components/keepalived";
import { nodeSettings } from "../../components/settings/node-settings";
import { Bench, listener } from "./support/shell";
import { valuesOf } from "./support/stacks";

// What reads Keepalived's log, and keeps two nodes with different passwords from having the virtual IP both.

const FOREIGN = "Sun Nov 22 16:37:59 2026: (otel) received an invalid passwd!\n";
const HERE = "127.0.0.1";
/** Where nobody answers: see the stub of timeout. */
const AWAY = "127.0.0.9";

let bench: Bench;
let guard: ChildProcess | undefined;
let said: string;

beforeEach(() => {
    bench = new Bench();
    bench.link("stat");
    bench.stub("ip", `cat "$STATE/addresses"`);
    bench.stub("timeout", `case " $* " in *" ${AWAY} "*) sleep 1; exit 124 ;; esac\nshift\nexec "$@"`);
    bench.write("addresses", "");
    bench.write("password", "old");
    said = "";
});
afterEach(() => {
    guard?.kill("SIGKILL");
    bench.remove();
});

interface Place {
    vip?: string;
    peer?: string;
    port: number;
    rank?: "first" | "second";
    /** Seconds. */
    listenAgain?: number;
}

function scriptFor({ vip, peer, port, rank }: Required<Omit<Place, "listenAgain">>): string {
    const { keepalived } = nodeSettings(valuesOf("node1"));
    const priority = rank === "first" ? keepalived.peerPriority + 10 : keepalived.peerPriority - 10;
    const settings = { ...keepalived, vip, peerAddress: peer, haproxyStatsPort: port, priority };
    const files = keepalivedSpec(settings, "not shown").files;
    return files.find((file) => file.path.endsWith("/heed-foreign-adverts.sh"))!.content as string;
}

function start({ vip = HERE, peer = AWAY, port, rank = "second", listenAgain }: Place): ChildProcess {
    const env = {
        PATH: bench.bin,
        OTEL_HA_FOREIGN_ADVERTS: path.join(bench.state, "waits"),
        OTEL_HA_VRRP_PASSWORD: path.join(bench.state, "password"),
        ...(listenAgain ? { OTEL_HA_LISTEN_AGAIN: String(listenAgain) } : {}),
    };
    bench.write("guard", scriptFor({ vip, peer, port, rank }));
    guard = spawn(path.join(bench.bin, "bash"), [path.join(bench.state, "guard")], { env });
    guard.stdout!.on("data", (text: Buffer) => (said += text.toString()));
    return guard;
}

const holds = (vip = HERE): void => bench.write("addresses", `2: eth0    inet ${vip}/32 scope global eth0\n`);
const hears = (text = FOREIGN): void => void guard!.stdin!.write(text);
const waits = (): string => bench.read("waits").trim();
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
/** Until it has looked so often who is there, and done what follows from that. */
const looks = (times: number): Promise<void> =>
    expect
        .poll(() => bench.argv().filter((line) => line.startsWith("ip ")).length, { timeout: 15_000 })
        .toBeGreaterThan(times);
const becomes = (value: string, timeout = 15_000): Promise<void> => expect.poll(waits, { timeout }).toBe(value);

describe("a node that has not the address", { timeout: 40_000 }, () => {
    it("waits as soon as somebody with another password says that it has it, and is there", async () => {
        const owner = await listener();
        start({ port: owner.port });
        hears();
        await becomes("1");
        owner.close();
    });

    it("waits as well when the other one's HAProxy is away: the host is there", async () => {
        start({ port: 1 });
        hears();
        await becomes("1");
    });

    it("takes over from an owner that is dead, whose last words it has heard", async () => {
        start({ vip: AWAY, port: 1 });
        hears();
        await looks(2);
        expect(waits()).not.toBe("1");
    });

    it("takes over, a little later, when the owner dies while it waits", async () => {
        const owner = await listener();
        start({ port: owner.port, peer: HERE });
        hears();
        await becomes("1");
        owner.close();
        // To this machine a closed port is refused; to be away is to hold nothing and to answer nothing.
        await becomes("0");
    });

    it("listens again when it has got another password itself", async () => {
        start({ port: 1 });
        hears();
        await becomes("1");
        const file = path.join(bench.state, "password");
        fs.utimesSync(file, new Date(), new Date(Date.now() + 60_000));
        await becomes("0");
    });

    it("listens again from time to time, since the other one may have got the same password", async () => {
        start({ port: 1, listenAgain: 2 });
        hears();
        await becomes("1");
        await becomes("0");
    });

    it("does nothing while all is well, and hands the log on, word for word", async () => {
        start({ port: 1 });
        hears("(otel) Entering BACKUP STATE\n(otel) recei");
        await pause(1500);
        hears("ved lower priority (90) advert from 10.0.0.2 - discarding\n");
        await expect
            .poll(() => said, { timeout: 10_000 })
            .toBe(
                "(otel) Entering BACKUP STATE\n(otel) received lower priority (90) advert from 10.0.0.2 - discarding\n",
            );
        expect(fs.existsSync(path.join(bench.state, "waits"))).toBe(false);
    });
});

it("does not hold the log up when a stranger sends thousands of adverts, nor while it looks who is there", async () => {
    start({ vip: AWAY, port: 1 });
    const many = 5000;
    hears(FOREIGN.repeat(many));
    await expect.poll(() => said.length, { timeout: 15_000 }).toBe(FOREIGN.length * many);
    expect(bench.argv().filter((line) => line.startsWith("ip ")).length).toBeLessThan(100);
}, 30_000);

describe("of two owners", { timeout: 40_000 }, () => {
    it("the second gives the address up to the first, which can serve", async () => {
        const first = await listener();
        holds();
        start({ port: first.port, peer: HERE });
        hears();
        await becomes("1");
        first.close();
    });

    it("the second keeps it when the first cannot serve: it may be no node of ours that speaks", async () => {
        holds();
        start({ port: 1, peer: HERE });
        hears();
        await looks(3);
        expect(waits()).not.toBe("1");
    });

    it("the first keeps it", async () => {
        const second = await listener();
        holds();
        start({ port: second.port, peer: HERE, rank: "first" });
        hears();
        await looks(3);
        expect(waits()).not.toBe("1");
        second.close();
    });
});

it("ends with the log", async () => {
    const ended = new Promise((done) => start({ port: 1 }).on("close", done));
    guard!.stdin!.end("the last line\n");
    expect(await ended).toBe(0);
    expect(said).toBe("the last line\n");
}, 20_000);
