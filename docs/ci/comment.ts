// Puts a document of `otel-ha preview --format markdown` on the pull or merge request that this job is for: edits the comment that a run before made.
//     npx tsx docs/ci/comment.ts preview.md
import { readFileSync } from "node:fs";

/** One comment, as GitHub or GitLab describes it. */
interface Comment {
    id: number;
    body: string;
    mine: boolean;
}

/** Where the comments of one request are. */
export interface Forge {
    list(page: number): Promise<Comment[]>;
    edit(id: number, body: string): Promise<void>;
    add(body: string): Promise<void>;
}

const PAGE = 100;

/** Environment of the job. Errors: it is for no request, or has no token. */
export async function forgeOf(env: NodeJS.ProcessEnv): Promise<Forge> {
    if (env.GITHUB_ACTIONS) return github(env);
    if (env.GITLAB_CI) return gitlab(env);
    throw new Error("this is neither GitHub Actions nor GitLab CI: GITHUB_ACTIONS and GITLAB_CI are not set");
}

function needed(env: NodeJS.ProcessEnv, name: string): string {
    const value = env[name];
    if (!value) throw new Error(`${name} is not set`);
    return value;
}

type Call = <T>(method: string, path: string, body?: object) => Promise<T>;

function caller(base: string, headers: Record<string, string>): Call {
    return async <T>(method: string, path: string, body?: object): Promise<T> => {
        const response = await fetch(base + path, {
            method,
            headers: { ...headers, "Content-Type": "application/json" },
            body: body && JSON.stringify(body),
        });
        const text = await response.text();
        if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
        return JSON.parse(text) as T;
    };
}

function github(env: NodeJS.ProcessEnv): Forge {
    const event = JSON.parse(readFileSync(needed(env, "GITHUB_EVENT_PATH"), "utf8")) as {
        pull_request?: { number: number };
    };
    const number = event.pull_request?.number;
    if (number === undefined) throw new Error("this run is not for a pull request");
    const headers = { Authorization: `Bearer ${needed(env, "GITHUB_TOKEN")}`, Accept: "application/vnd.github+json" };
    const call = caller(needed(env, "GITHUB_API_URL"), headers);
    const issues = `/repos/${needed(env, "GITHUB_REPOSITORY")}/issues`;
    interface Raw {
        id: number;
        body?: string;
        user?: { type: string };
    }
    return {
        list: async (page) => {
            const all = await call<Raw[]>("GET", `${issues}/${number}/comments?per_page=${PAGE}&page=${page}`);
            // The job's token is a bot; a person's comment cannot pass for ours.
            return all.map(({ id, body = "", user }) => ({ id, body, mine: user?.type === "Bot" }));
        },
        edit: async (id, body) => void (await call("PATCH", `${issues}/comments/${id}`, { body })),
        add: async (body) => void (await call("POST", `${issues}/${number}/comments`, { body })),
    };
}

async function gitlab(env: NodeJS.ProcessEnv): Promise<Forge> {
    const call = caller(needed(env, "CI_API_V4_URL"), { "PRIVATE-TOKEN": needed(env, "COMMENT_TOKEN") });
    const project = encodeURIComponent(needed(env, "CI_PROJECT_ID"));
    const notes = `/projects/${project}/merge_requests/${needed(env, "CI_MERGE_REQUEST_IID")}/notes`;
    const me = await call<{ id: number }>("GET", "/user");
    interface Raw {
        id: number;
        body: string;
        author: { id: number };
    }
    return {
        list: async (page) => {
            const all = await call<Raw[]>("GET", `${notes}?per_page=${PAGE}&page=${page}`);
            return all.map(({ id, body, author }) => ({ id, body, mine: author.id === me.id }));
        },
        edit: async (id, body) => void (await call("PUT", `${notes}/${id}`, { body })),
        add: async (body) => void (await call("POST", notes, { body })),
    };
}

/** Edits the comment with the same mark, or adds one. Errors: the document has no mark. */
export async function post(forge: Forge, body: string): Promise<"edited" | "added"> {
    const [mark] = body.split("\n");
    if (!mark!.startsWith("<!-- otel-ha preview: "))
        throw new Error("the document does not begin with the mark of otel-ha preview --format markdown");
    for (let page = 1; ; page++) {
        const comments = await forge.list(page);
        const ours = comments.find((comment) => comment.mine && comment.body.split(/\r?\n/)[0] === mark);
        if (ours) return forge.edit(ours.id, body).then(() => "edited");
        if (comments.length < PAGE) return forge.add(body).then(() => "added");
    }
}

async function main(): Promise<void> {
    const [file] = process.argv.slice(2);
    if (file === undefined) throw new Error("name the document: npx tsx docs/ci/comment.ts preview.md");
    console.log(`comment ${await post(await forgeOf(process.env), readFileSync(file, "utf8"))}`);
}

if (require.main === module)
    main().catch((error: Error) => {
        console.error(`comment: ${error.message}`);
        process.exitCode = 1;
    });
