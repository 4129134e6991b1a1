import { spawnSync } from "child_process";
import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished, SELF, stubContainer } from "./support/shell";

let bench: Bench;
let target: string;
const files = (): string[] => fs.readdirSync(path.dirname(target)).sort();
const mode = (): string => (fs.statSync(target).mode & 0o777).toString(8);

beforeEach(() => {
    bench = new Bench();
    target = path.join(bench.root, "etc", "service", "service.conf");
    stubContainer(bench);
    bench.write("healthy", "");
});
afterEach(() => bench.remove());

function put(content: string, ...options: string[]): Finished {
    return bench.run("put-file", ["--owner", SELF, ...options, target], content);
}

/** Options for a service that counts its reloads and takes only files without the word "broken". */
function reloading(): string[] {
    const accept = `grep -vq broken ${target}`;
    const command = `echo reload >>${bench.state}/reloads; ${accept} && echo ok || { echo 'cannot parse' >&2; false; }`;
    return ["--container", "service-mid-1", "--reload", command];
}
const reloads = (): number => bench.read("reloads").split("\n").length - 1;

describe("writing a file", () => {
    it("makes the directory, with mode and owner as asked, and leaves nothing beside it", () => {
        expect(put("one\ntwo", "--mode", "0640")).toMatchObject({ code: 0, out: "", err: "" });
        expect(fs.readFileSync(target, "utf8")).toBe("one\ntwo");
        expect(mode()).toBe("640");
        expect(files()).toEqual(["service.conf"]);
    });

    it("is readable for its service by default", () => {
        put("text");
        expect(mode()).toBe("644");
    });

    it.runIf(process.getuid?.() === 0)("gives the file to its reader", () => {
        put("text", "--mode", "0400", "--owner", "99:99");
        expect(fs.statSync(target)).toMatchObject({ uid: 99, gid: 99 });
        expect(mode()).toBe("400");
    });

    it("corrects mode and owner of a file whose text is right", () => {
        put("text", "--mode", "0644");
        put("text", "--mode", "0600");
        expect(mode()).toBe("600");
    });

    it("replaces by rename: who reads at the same time sees the old text or the new one", () => {
        put("old");
        const reader = fs.openSync(target, "r");
        put("new");
        expect(fs.readFileSync(reader, "utf8")).toBe("old");
        expect(fs.readFileSync(target, "utf8")).toBe("new");
        fs.closeSync(reader);
    });

    it("takes any text as it is: quotes, dollars, backslashes, no newline at the end", () => {
        const text = 'it\'s "$HOME" `id` \\n %s\n\tend';
        put(text);
        expect(fs.readFileSync(target, "utf8")).toBe(text);
    });

    it("names an option that it does not know", () => {
        const done = bench.run("put-file", ["--mod", "0644", target], "text");
        expect(done).toMatchObject({ code: 2, err: "put-file: unknown option --mod\n" });
        expect(fs.existsSync(target)).toBe(false);
    });
});

describe("a validator", () => {
    it("sees the new file beside the old one before anything changes", () => {
        put("old");
        const note = `cat "$DIR/$CANDIDATE" "$DIR/service.conf" >${bench.state}/seen`;
        expect(put("new ", "--check", note).code).toBe(0);
        expect(bench.read("seen")).toBe("new old");
    });

    it("that refuses leaves the old file, no temporary one, and says why", () => {
        put("old");
        const done = put("new", "--check", "echo 'line 3: unknown directive'; exit 1");
        expect(done.code).toBe(1);
        expect(done.err).toBe(
            `line 3: unknown directive\n${target}: the new content is not valid (see above); the file is unchanged\n`,
        );
        expect(fs.readFileSync(target, "utf8")).toBe("old");
        expect(files()).toEqual(["service.conf"]);
    });

    it("that refuses the first text leaves nothing at all", () => {
        expect(put("new", "--check", "false").code).toBe(1);
        expect(files()).toEqual([]);
    });
});

describe("a running service", () => {
    it("is told of a change, once", () => {
        put("old");
        expect(put("new", ...reloading()).code).toBe(0);
        expect(reloads()).toBe(1);
    });

    it("is left alone when nothing changed", () => {
        put("same");
        expect(put("same", ...reloading()).code).toBe(0);
        expect(reloads()).toBe(0);
    });

    it("that does not take the text gets the old one back, and the run fails with the reason", () => {
        put("old");
        const done = put("broken", ...reloading());
        expect(done.code).toBe(1);
        expect(done.err).toBe(
            `cannot parse\n${target}: service-mid-1 did not take the new content (see above); the previous content is back in place\n`,
        );
        expect(fs.readFileSync(target, "utf8")).toBe("old");
        expect(files()).toEqual(["service.conf"]);
        expect(reloads()).toBe(2);
    });

    it("keeps mode and owner of the old text when that comes back", () => {
        put("old", "--mode", "0600");
        put("broken", "--mode", "0644", ...reloading());
        expect(mode()).toBe("600");
    });

    it("that does not take its first text has no file after that: the next up does not mistake it for done", () => {
        expect(put("broken", ...reloading()).code).toBe(1);
        expect(files()).toEqual([]);
        expect(put("broken", ...reloading()).code).toBe(1);
    });

    it("that reloads and is unhealthy after it gets the old text back too", () => {
        put("old");
        bench.write("logs", "panic: out of luck\n");
        const harmful = `rm -f ${bench.state}/healthy; : >${bench.state}/crashing`;
        const done = put("new", "--container", "service-mid-1", "--reload", harmful);
        expect(done.code).toBe(1);
        expect(done.err).toContain("panic: out of luck\n");
        expect(done.err).toContain("does not stay up");
        expect(done.err).toContain(`service-mid-1 is not healthy with the previous content of ${target} either`);
        expect(fs.readFileSync(target, "utf8")).toBe("old");
    });
});

describe("a run that was killed between rename and reload", () => {
    /** What such a run leaves: the new text in place, the text before it beside it. */
    const interrupt = (): void => {
        put("new");
        fs.writeFileSync(path.join(path.dirname(target), ".service.conf.old"), "old");
    };

    it("is completed by the next one: the service is told, though the text is there already", () => {
        interrupt();
        expect(put("new", ...reloading()).code).toBe(0);
        expect(reloads()).toBe(1);
        expect(files()).toEqual(["service.conf"]);
    });

    it("does not make its unproven text the one to go back to", () => {
        interrupt();
        expect(put("broken", ...reloading()).code).toBe(1);
        expect(fs.readFileSync(target, "utf8")).toBe("old");
    });
});

describe("a service that was not well before", () => {
    it("is started anew, since it may not be there to hear a signal, and heals", () => {
        put("broken");
        fs.rmSync(path.join(bench.state, "healthy"));
        bench.write("status", "restarting");
        expect(put("good", ...reloading())).toMatchObject({ code: 0, err: "" });
        expect(reloads()).toBe(0);
        expect(bench.argv()).toContain("docker restart service-mid-1");
        expect(fs.readFileSync(target, "utf8")).toBe("good");
    });
});

describe("a service that has a check of its own for what it reloads", () => {
    it("is told though its health check fails, as that of a store without quorum", () => {
        put("old");
        fs.rmSync(path.join(bench.state, "healthy"));
        const works = `echo asked >>${bench.state}/asked`;
        expect(put("new", ...reloading(), "--works", works)).toMatchObject({ code: 0, err: "" });
        expect(reloads()).toBe(1);
        expect(bench.argv().join("\n")).not.toContain("docker restart");
        expect(bench.read("asked")).toBe("asked\nasked\n");
    });

    it("gets the old text back when that fails afterwards", () => {
        put("old");
        const works = `! grep -q new ${target}`;
        const stop = `echo exited >${bench.state}/status`;
        const done = put("new", "--container", "service-mid-1", "--reload", stop, "--works", works);
        expect(done.code).toBe(1);
        expect(fs.readFileSync(target, "utf8")).toBe("old");
    });
});

describe("a container that is about to be made anew, as its label tells", () => {
    it("is not bothered with a file that it may not understand", () => {
        put("old");
        bench.write("spec", "before");
        expect(put("broken", "--spec", "after", ...reloading())).toMatchObject({ code: 0, err: "" });
        expect(fs.readFileSync(target, "utf8")).toBe("broken");
        expect(reloads()).toBe(0);
    });

    it("is told when it is the right one", () => {
        put("old");
        bench.write("spec", "after");
        expect(put("new", "--spec", "after", ...reloading()).code).toBe(0);
        expect(reloads()).toBe(1);
        expect(put("broken", "--spec", "after", ...reloading()).code).toBe(1);
        expect(fs.readFileSync(target, "utf8")).toBe("new");
    });
});

describe("a service that does not run", () => {
    it("reads the new text when it starts: there is nothing to reload", () => {
        put("old");
        bench.write("status", "exited");
        bench.write("running", "false");
        expect(put("broken", ...reloading()).code).toBe(0);
        expect(fs.readFileSync(target, "utf8")).toBe("broken");
        expect(reloads()).toBe(0);
    });

    it("nor one that does not exist yet", () => {
        bench.stub("docker", "echo 'no such container' >&2; exit 1");
        expect(put("text", ...reloading())).toMatchObject({ code: 0, err: "" });
    });
});

// Only who may mount can make a file system that is full.
const small = path.join("/tmp", `otel-ha-full-${process.pid}`);
function mountSmall(): boolean {
    fs.mkdirSync(small, { recursive: true });
    const done = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", small]);
    if (done.status !== 0) fs.rmdirSync(small);
    return done.status === 0;
}

describe("a full disk", () => {
    it("fails, leaves the old file and nothing half-written", (context) => {
        if (!mountSmall()) return context.skip("this user may not mount a small file system to fill");
        try {
            target = path.join(small, "service.conf");
            put("old");
            const done = put("x".repeat(200_000));
            expect(done.code).not.toBe(0);
            expect(done.err).toContain("No space left on device");
            expect(fs.readFileSync(target, "utf8")).toBe("old");
            expect(files()).toEqual(["service.conf"]);
        } finally {
            spawnSync("umount", [small]);
            fs.rmdirSync(small);
        }
    });
});
