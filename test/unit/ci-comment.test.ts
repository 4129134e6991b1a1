// What docs/ci does over the network, against servers of the test's own.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import * as tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { forgeOf, post } from "../../docs/ci/comment";
import { run } from "../../ops/run";
import { ROOT } from "./support/stacks";

let directory: string;
beforeAll(() => void (directory = fs.mkdtempSync(path.join(os.tmpdir(), "otel-ha-comment-"))));
afterAll(() => fs.rmSync(directory, { recursive: true }));

const MARK = "<!-- otel-ha preview: all -->";
const TOKEN = "token-of-the-job";

interface Stored {
    id: number;
    body: string;
    user: { type: string };
    author: { id: number };
}

/** As much of both servers' API as a comment needs. */
async function forge(comments: Stored[]) {
    const asked: string[] = [];
    const answer = (request: http.IncomingMessage, body: string): unknown => {
        const url = new URL(request.url!, "http://x");
        const id = Number(/(?:comments|notes)\/(\d+)$/.exec(url.pathname)?.[1]);
        if (url.pathname === "/user") return { id: 42 };
        if (request.method === "GET") {
            const page = Number(url.searchParams.get("page"));
            return comments.slice((page - 1) * 100, page * 100);
        }
        const text = (JSON.parse(body) as { body: string }).body;
        if (request.method === "POST")
            comments.push({ id: 9000, body: text, user: { type: "Bot" }, author: { id: 42 } });
        else comments.find((comment) => comment.id === id)!.body = text;
        return {};
    };
    const server = http.createServer((request, response) => {
        let body = "";
        request.on("data", (part: Buffer) => (body += part.toString()));
        request.on("end", () => {
            asked.push(`${request.method} ${request.url}`);
            const known = [request.headers.authorization, request.headers["private-token"]].some((one) =>
                String(one).endsWith(TOKEN),
            );
            response.statusCode = known ? 200 : 401;
            response.end(JSON.stringify(known ? answer(request, body) : { message: "Bad credentials" }));
        });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { asked, base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

const other = (id: number, body = "a person's words"): Stored => ({
    id,
    body,
    user: { type: "User" },
    author: { id: 7 },
});
const ours = (id: number, body: string): Stored => ({ id, body, user: { type: "Bot" }, author: { id: 42 } });

function environment(kind: "GitHub" | "GitLab", base: string): NodeJS.ProcessEnv {
    if (kind === "GitLab")
        return {
            GITLAB_CI: "true",
            CI_API_V4_URL: base,
            COMMENT_TOKEN: TOKEN,
            CI_PROJECT_ID: "12",
            CI_MERGE_REQUEST_IID: "3",
        };
    const event = path.join(directory, "event.json");
    fs.writeFileSync(event, JSON.stringify({ pull_request: { number: 3 } }));
    return {
        GITHUB_ACTIONS: "true",
        GITHUB_API_URL: base,
        GITHUB_TOKEN: TOKEN,
        GITHUB_EVENT_PATH: event,
        GITHUB_REPOSITORY: "o/r",
    };
}

describe.each(["GitHub", "GitLab"] as const)("a comment on %s", (kind) => {
    it("is made once, and edited after that, also behind a page of others", async () => {
        const comments = Array.from({ length: 130 }, (_, at) => other(at));
        const server = await forge(comments);
        const there = await forgeOf(environment(kind, server.base));
        expect(await post(there, `${MARK}\nfirst`)).toBe("added");
        expect(await post(there, `${MARK}\nsecond`)).toBe("edited");
        expect(comments.length).toBe(131);
        expect(comments.at(-1)!.body).toBe(`${MARK}\nsecond`);
        server.close();
    });

    it("is told from another pair's, and from one that somebody else wrote", async () => {
        const theirs = [other(1, `${MARK}\nforged`), ours(2, `${MARK.replace("all", "node3")}\nanother pair`)];
        const comments = [...theirs.map((one) => ({ ...one })), ours(3, `${MARK}\r\nbefore`)];
        const server = await forge(comments);
        expect(await post(await forgeOf(environment(kind, server.base)), `${MARK}\nnow`)).toBe("edited");
        expect(comments).toEqual([...theirs, ours(3, `${MARK}\nnow`)]);
        server.close();
    });

    it("is not made of a document without its mark, nor with a wrong token, which no error repeats", async () => {
        const server = await forge([]);
        await expect(post(await forgeOf(environment(kind, server.base)), "otel-ha: it failed")).rejects.toThrow(
            /the mark/,
        );
        const env = { ...environment(kind, server.base), GITHUB_TOKEN: "wrong", COMMENT_TOKEN: "wrong" };
        await expect(forgeOf(env).then((there) => post(there, MARK))).rejects.toThrow(
            /^GET \S+: 401 .*Bad credentials/,
        );
        expect(server.asked.filter((line) => !line.startsWith("GET"))).toEqual([]);
        server.close();
    });
});

describe("a comment", () => {
    it("says what the job lacks", async () => {
        await expect(forgeOf({})).rejects.toThrow("neither GitHub Actions nor GitLab CI");
        await expect(forgeOf({ GITLAB_CI: "true", CI_API_V4_URL: "x" })).rejects.toThrow("COMMENT_TOKEN is not set");
        const event = path.join(directory, "push.json");
        fs.writeFileSync(event, "{}");
        await expect(forgeOf({ GITHUB_ACTIONS: "true", GITHUB_EVENT_PATH: event })).rejects.toThrow(
            "not for a pull request",
        );
    });
});

describe("the look at certificates", () => {
    async function server(days: number): Promise<{ address: string; close: () => void }> {
        const file = (name: string): string => path.join(directory, `${name}-${days}`);
        const request = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=vip",
        ];
        const made = spawnSync("openssl", [
            ...request,
            "-days",
            String(days),
            "-keyout",
            file("key"),
            "-out",
            file("cert"),
        ]);
        expect(made.status).toBe(0);
        const listening = tls.createServer({ key: fs.readFileSync(file("key")), cert: fs.readFileSync(file("cert")) });
        listening.on("tlsClientError", () => {});
        await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
        return { address: `127.0.0.1:${(listening.address() as AddressInfo).port}`, close: () => listening.close() };
    }
    const look = (...addresses: string[]) => run([path.join(ROOT, "docs/ci/expiry.sh"), "21", ...addresses]);

    it("ends with 0 while all last, and names those that do not, or that show none", async () => {
        const [long, short] = [await server(90), await server(20)];
        const well = await look(long.address);
        expect(well).toMatchObject({
            code: 0,
            stdout: expect.stringMatching(`^${long.address}: valid until .*GMT\n$`),
            stderr: "",
        });
        const ill = await look(short.address, long.address, "127.0.0.1:1");
        expect(ill.code).toBe(1);
        expect(ill.stdout).toContain(long.address);
        expect(ill.stderr.split("\n")).toEqual([
            expect.stringMatching(`^${short.address}: valid until .*, which is in less than 21 days; run otel-ha up$`),
            "127.0.0.1:1 shows no certificate",
            "",
        ]);
        long.close();
        short.close();
    });

    it("take an address as the stack publishes it, with TLS or without", async () => {
        const long = await server(90);
        const well = await look(`https://${long.address}`, "http://127.0.0.1:4318");
        expect(well).toMatchObject({ code: 0, stderr: "" });
        expect(well.stdout.split("\n")).toEqual([
            expect.stringMatching(`^${long.address}: valid until`),
            "http://127.0.0.1:4318: no TLS (tls: off)",
            "",
        ]);
        long.close();
    });
});
