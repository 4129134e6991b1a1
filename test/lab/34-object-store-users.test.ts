// What each user of the object store may do, and may not, asked of the store itself with the users' own keys.
import { beforeAll, describe, expect, it } from "vitest";
import { userOf } from "../../components/object-store-users";
import { buckets, node1, objects, settledProject, stackSecret } from "./support";

const SECRETS = {
    loki: "lokiObjectStoreSecret",
    "thanos-sidecar": "thanosSidecarObjectStoreSecret",
    "thanos-store": "thanosStoreObjectStoreSecret",
    "thanos-compactor": "thanosCompactorObjectStoreSecret",
};
type User = keyof typeof SECRETS;
const OBJECT = "otel-ha-test";
const META = `${OBJECT}-block/meta.json`;

let secrets: Record<string, string>;

const clientOf = (user: User): { user: string; secret: string } => {
    const secret = secrets[SECRETS[user]]!;
    return { user: userOf(user, secret), secret };
};

/** Whether a user gets something done. Errors: the store says something else than yes or no. */
async function may(user: User, verb: string, bucket: string, object = ""): Promise<boolean> {
    const { code, stdout, stderr } = await objects(node1, `${bucket}/${object}`, clientOf(user), verb);
    if (code !== 0 && !/Access Denied|Insufficient permissions/.test(stdout + stderr))
        throw new Error(`${user} ${verb} ${bucket}/${object}: ${stdout}${stderr}`);
    return code === 0;
}

/** All that a user may do in a bucket that has the object. */
async function rights(user: User, bucket: string): Promise<string[]> {
    const all: [string, () => Promise<boolean>][] = [
        ["list", () => may(user, "ls", bucket)],
        ["look up", () => may(user, "cat", bucket, META)],
        ["read", () => may(user, "cat", bucket, OBJECT)],
        ["write", () => may(user, "cp /etc/hostname", bucket, `${OBJECT}-of-${user}`)],
        ["delete", () => may(user, "rm", bucket, OBJECT)],
    ];
    const can: string[] = [];
    for (const [what, ask] of all) if (await ask()) can.push(what);
    return can;
}

const asRoot = async (verb: string, path: string): Promise<void> => {
    const { code, stdout, stderr } = await objects(node1, path, undefined, verb);
    expect(code, stdout + stderr).toBe(0);
};

beforeAll(async () => {
    secrets = JSON.parse(await stackSecret(await settledProject(), "node1", "sharedCredentials")) as typeof secrets;
});

describe("a user of the object store", () => {
    it.each<[User, string, string[]]>([
        ["loki", "loki-data", ["list", "look up", "read", "write", "delete"]],
        ["loki", "thanos-metrics", []],
        ["thanos-sidecar", "thanos-metrics", ["list", "look up", "write"]],
        ["thanos-sidecar", "loki-data", []],
        ["thanos-store", "thanos-metrics", ["list", "look up", "read"]],
        ["thanos-store", "loki-data", []],
        ["thanos-compactor", "thanos-metrics", ["list", "look up", "read", "write", "delete"]],
        ["thanos-compactor", "loki-data", []],
    ])("%s may do in %s: %j", async (user, bucket, wanted) => {
        for (const object of [OBJECT, META]) await asRoot("cp /etc/hostname", `${bucket}/${object}`);
        try {
            expect(await rights(user, bucket)).toEqual(wanted);
        } finally {
            const written = wanted.includes("write") ? [`${OBJECT}-of-${user}`] : [];
            for (const object of [META, ...written, ...(wanted.includes("delete") ? [] : [OBJECT])])
                await asRoot("rm", `${bucket}/${object}`);
        }
    });

    it("may make no bucket, and sees none but its own", async () => {
        const before = await buckets(node1);
        for (const user of Object.keys(SECRETS) as User[]) {
            expect(await may(user, "mb", `${OBJECT}-bucket`), user).toBe(false);
            const { stdout } = await objects(node1, "", clientOf(user), "ls");
            const seen = [...stdout.matchAll(/(\S+)\/$/gm)].map(([, name]) => name);
            expect(seen, user).toEqual([user === "loki" ? "loki-data" : "thanos-metrics"]);
        }
        expect(await buckets(node1)).toEqual(before);
    });
});
