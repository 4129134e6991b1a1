import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished, listener, StoreHealth, storeHealth, stubContainer } from "./support/shell";

// Asked before the object store's container is replaced: may it stop?

const NOBODY = "127.0.0.1:1";
const AGAIN = "set objectStoreForceStop to true to stop it all the same";

let bench: Bench;
let here: StoreHealth;
let peer: StoreHealth;

beforeEach(async () => {
    bench = new Bench();
    stubContainer(bench);
    [here, peer] = await Promise.all([storeHealth(bench, "here"), storeHealth(bench, "peer")]);
    fs.mkdirSync(path.join(bench.root, "minio", "data1"), { recursive: true });
    // A pool of two can never spare one.
    here.set({ maintenance: 412 });
});
afterEach(() => {
    here.close();
    peer.close();
    bench.remove();
});

const peerAt = (): string => `127.0.0.1:${peer.port}`;

function ask(layout: "pooled" | "mirrored", peers: string[], ...options: string[]): Finished {
    const data = path.join(bench.root, "minio");
    const drives = layout === "mirrored" ? 2 : 2 * (peers.length + 1);
    const args = ["--container", "web-mid-1", "--layout", layout, "--port", String(here.port), "--data", data];
    args.push("--drives", String(drives), "--timeout", "2", "--peer-grace", "1");
    for (const one of peers) args.push("--peer", one);
    const environment = { MINIO_CONFIG_ENV_FILE: path.join(bench.root, "root.env") };
    return bench.run("may-stop-object-store", [...args, ...options], "container abc\n", environment);
}

const silent = { code: 0, out: "", err: "" };

describe.each(["pooled", "mirrored"] as const)("a %s store", (layout) => {
    it("that is not there yet is nobody's loss: a first install goes on, alone or not", () => {
        bench.stub("docker", "exit 1");
        expect(ask(layout, [NOBODY])).toMatchObject(silent);
    });

    it("that has stopped may be replaced", () => {
        bench.write("running", "false");
        expect(ask(layout, [NOBODY])).toMatchObject(silent);
    });

    it("that serves no reads anyway may be replaced: that is how it is repaired", () => {
        here.set({ cluster: 503, read: 503, maintenance: 503 });
        const done = ask(layout, [NOBODY]);
        expect(done).toMatchObject(silent);
        expect(done.seconds).toBeLessThan(2);
    });

    it("at whose port nothing listens may be replaced at once", () => {
        here.close();
        const done = ask(layout, [NOBODY]);
        expect(done).toMatchObject(silent);
        expect(done.seconds).toBeLessThan(2);
    });

    it("is replaced without a question when the settings say so", () => {
        here.set({ cluster: 503 });
        expect(ask(layout, [NOBODY], "--force", "true")).toMatchObject({
            code: 0,
            out: "note: web-mid-1 is replaced without asking (objectStoreForceStop)\n",
        });
    });

    it("whose drives are not there stays as it is: the new container would not start, and an empty directory is not a disk", () => {
        fs.rmSync(path.join(bench.root, "minio"), { recursive: true });
        const done = ask(layout, [peerAt()], "--force", "true");
        expect(done.code).toBe(1);
        expect(done.err).toMatch(/^web-mid-1 is not replaced: \S+\/minio\/data1 is not there\. Is the disk mounted\?/);
    });

    it("whose drives were made for another shape stays as it is, and the error tells what to do", () => {
        const directory = path.join(bench.root, "minio", "data1", ".minio.sys");
        fs.mkdirSync(directory, { recursive: true });
        const drives = Array.from({ length: layout === "pooled" ? 2 : 4 }, (_, index) => `"drive-${index}"`);
        const format = `{"version":"1","format":"xl","id":"x","xl":{"this":"drive-0","sets":[[${drives.join(",")}]]}}`;
        fs.writeFileSync(path.join(directory, "format.json"), format);
        const done = ask(layout, [peerAt()], "--force", "true");
        expect(done.code).toBe(1);
        expect(done.err).toBe(
            `web-mid-1 is not replaced: the drives in ${bench.root}/minio belong to a store of ${drives.length} drives, and with objectStore "${layout}" it has ${layout === "pooled" ? 4 : 2}. Move them away, as docs/operations.md tells under "Another objectStore", or set objectStore back\n`,
        );
    });
});

describe("a pool of two", () => {
    it("that is whole may stop for a moment, and says that writes wait", () => {
        expect(ask("pooled", [peerAt()])).toMatchObject({
            code: 0,
            out: "note: the object store takes no writes while web-mid-1 is replaced; they are made up for\n",
        });
    });

    it("whose other host is away stays: it is all there is to read from", () => {
        here.set({ cluster: 503 });
        const done = ask("pooled", [NOBODY]);
        expect(done).toMatchObject({
            code: 1,
            out: "",
            err: `web-mid-1 is not replaced: nothing listens at ${NOBODY}, so this half of the object store is all there is to read from, and stopping it would stop that. Bring the other host back (pulumi up for it), or ${AGAIN}\n`,
        });
        expect(done.seconds).toBeLessThan(4);
    });

    it("whose other host is coming back is waited for", () => {
        here.set({ cluster: 503 });
        bench.stub("sleep", `echo '{ "cluster": 200, "read": 200, "maintenance": 412 }' >${bench.root}/here.json`);
        const done = ask("pooled", [peerAt()]);
        expect(done.code).toBe(0);
        expect(done.out).toContain("they are made up for");
    });

    it("whose halves have different root passwords is replaced, since that is how they get the same one", async () => {
        here.set({ cluster: 503 });
        const other = await listener();
        const done = ask("pooled", [`127.0.0.1:${other.port}`]);
        other.close();
        expect(done.code).toBe(0);
        expect(done.out).toMatch(
            /^note: 127\.0\.0\.1:\d+ listens but does not work with web-mid-1, as between the two halves/,
        );
    });

    it("whose other half has TLS already is not waited for: it is this one's turn", () => {
        here.set({ cluster: 503 });
        peer.set({ all: 400 });
        const done = ask("pooled", [peerAt()], "--timeout", "60", "--peer-grace", "30");
        expect(done).toMatchObject({ code: 0, err: "" });
        expect(done.out).toMatch(/ listens but does not work with web-mid-1, as between the two halves/);
        expect(done.seconds).toBeLessThan(10);
    });

    it("that does not take the root password in its file is not waited for as long as a peer that only starts", () => {
        here.set({ cluster: 503 });
        fs.writeFileSync(path.join(bench.root, "root.env"), "MINIO_ROOT_USER=admin\nMINIO_ROOT_PASSWORD=SECRET\n");
        const half = (answer: string): Finished => {
            const own = `http://admin:SECRET@127.0.0.1:${here.port}`;
            bench.stub("mc", `[ "$MC_HOST_own $*" = "${own} --json ls own" ] && echo '${answer}'`);
            return ask("pooled", [peerAt()], "--timeout", "6", "--peer-grace", "1");
        };
        const starting = half('{"status":"success"}');
        const changed = half('{"status":"error","error":{"cause":{"error":{"Code":"SignatureDoesNotMatch"}}}}');
        for (const done of [starting, changed]) expect(done.out).toContain("as between the two halves");
        expect(starting.seconds).toBeGreaterThan(4.9);
        expect(changed.seconds).toBeLessThan(4);
        expect(bench.argv().join("\n")).not.toContain("SECRET");
    });
});

describe("a store with TLS", () => {
    /** The container's own client, which asks until the store is ready. */
    const client = (answers: Record<string, boolean>, before = ""): void => {
        const cases = Object.entries(answers).map(
            ([asked, ready]) =>
                `"${asked}") ${ready ? `echo "The cluster 'asked' is ready"; exit 0` : `echo "The cluster 'asked' is not ready"; exec /bin/sleep 60`} ;;`,
        );
        const others = `*) echo "The cluster 'asked' is unreachable: refused"; exec /bin/sleep 60 ;;`;
        bench.stub("mc", `${before}\ncase "$MC_HOST_asked $*" in\n${[...cases, others].join("\n")}\nesac`);
    };
    const health = (store: StoreHealth, option = ""): string =>
        `https://127.0.0.1:${store.port} --insecure ready asked${option}`;

    it("is asked by the client in the container, since the host may have none", () => {
        here.set({ all: 400 });
        client({ [health(here)]: true, [health(here, " --cluster-read")]: true });
        expect(ask("pooled", [peerAt()])).toMatchObject({
            code: 0,
            out: "note: the object store takes no writes while web-mid-1 is replaced; they are made up for\n",
        });
    });

    it("that nobody else could stand in for stays as well", () => {
        here.set({ all: 400 });
        client({ [health(here)]: false, [health(here, " --cluster-read")]: true });
        expect(ask("pooled", [NOBODY])).toMatchObject({
            code: 1,
            err: expect.stringContaining("all there is to read from"),
        });
    });

    it.each(["pooled", "mirrored"] as const)("that is too busy to answer once is asked again (%s)", (layout) => {
        here.set({ all: 400 });
        peer.set({ all: 400 });
        const once = `[ -e ${bench.root}/asked ] || { : >${bench.root}/asked; exec /bin/sleep 60; }`;
        const slow = `case "$*" in *--cluster-read*) ${once} ;; esac`;
        client({ [health(here)]: false, [health(here, " --cluster-read")]: true, [health(peer)]: false }, slow);
        expect(ask(layout, [layout === "pooled" ? NOBODY : peerAt()])).toMatchObject({
            code: 1,
            err: expect.stringMatching(/all there is to read from|would leave none/),
        });
    });

    it("that gives nobody an answer is replaced after a while, and that is said", () => {
        here.set({ all: 400 });
        client({}, "exec /bin/sleep 60");
        expect(ask("pooled", [NOBODY])).toMatchObject({
            code: 0,
            out: "note: web-mid-1 answers nobody; it is replaced\n",
        });
    });

    it("whose other half still speaks in the clear is replaced: that is how both get it", () => {
        here.set({ cluster: 503 });
        peer.set({ all: 400 });
        client({});
        expect(ask("pooled", [peerAt()])).toMatchObject({
            code: 0,
            out: expect.stringMatching(/^note: \S+ listens but does not work with web-mid-1, as .*, of TLS or /),
        });
    });

    it("stands in for a mirror that has it not, and the other way around", () => {
        peer.set({ all: 400 });
        client({ [health(peer)]: true });
        expect(ask("mirrored", [peerAt()])).toMatchObject(silent);
        client({ [health(peer)]: false });
        expect(ask("mirrored", [peerAt()]).code).toBe(1);
    });
});

describe("a pool of three", () => {
    it("that can spare a host lets it go", () => {
        here.set({ maintenance: 200 });
        expect(ask("pooled", [peerAt(), peerAt()])).toMatchObject(silent);
    });

    it("that cannot keeps it, and names the host that is away", () => {
        const done = ask("pooled", [peerAt(), NOBODY]);
        expect(done).toMatchObject({
            code: 1,
            err: `web-mid-1 is not replaced: the object store cannot spare another host; nothing listens at ${NOBODY}. Bring it back to full health (mc admin info), or ${AGAIN}\n`,
        });
    });

    it("that heals is waited for", () => {
        bench.stub("sleep", `echo '{ "cluster": 200, "read": 200, "maintenance": 200 }' >${bench.root}/here.json`);
        expect(ask("pooled", [peerAt(), peerAt()])).toMatchObject(silent);
    });
});

describe("one of two mirrors", () => {
    it("may stop while the other one is well", () => {
        expect(ask("mirrored", [peerAt()])).toMatchObject(silent);
    });

    it("stays while the other one is ill: both at once would leave none", () => {
        peer.set({ cluster: 503 });
        expect(ask("mirrored", [peerAt()])).toMatchObject({
            code: 1,
            err: `web-mid-1 is not replaced: the store at ${peerAt()} listens but is not well, and stopping this one would leave none. Look at that host's container first, or ${AGAIN}\n`,
        });
    });

    it("is not kept from changes by a host that is away, perhaps for days; it says what pauses", () => {
        const done = ask("mirrored", [NOBODY]);
        expect(done).toMatchObject({
            code: 0,
            out: `note: nothing listens at ${NOBODY}: what is only in the buckets cannot be read while web-mid-1 is replaced\n`,
        });
        expect(done.seconds).toBeLessThan(4);
    });
});
