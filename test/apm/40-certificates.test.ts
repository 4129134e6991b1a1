// Another certificate and key on every node, while somebody watches: the cluster is never red, and never without an answer.
import { afterAll, beforeAll, expect, it } from "vitest";
import { ApmAccess } from "../../lab/apm/access";
import { health } from "../../lab/apm/search";
import { labExec } from "../../lab/hosts";
import { openProject, type Project } from "../../lab/project";
import { otelHa } from "../lab/support";
import { NODES, PROJECT, whole } from "./support";

const PORTS = [9200, 9300, 4318];

let project: Project;
let access: ApmAccess;
beforeAll(async () => {
    project = openProject(PROJECT, "apm");
    access = await ApmAccess.of(project);
});
afterAll(() => access?.close());

/** Serial numbers of what a node's ports show; asked on the host, since its firewall lets only the other nodes to some of them. */
async function serials(): Promise<string[]> {
    const show = PORTS.map(
        (port) => `openssl s_client -connect 127.0.0.1:${port} </dev/null 2>/dev/null | openssl x509 -noout -serial`,
    );
    const all = await Promise.all(NODES.map(({ name }) => labExec(name, ["sh", "-c", show.join("\n")])));
    const shown = all.flatMap(({ stdout }) => stdout.trim().split("\n"));
    expect(shown).toHaveLength(NODES.length * PORTS.length);
    return shown;
}

/** Asks each node four times a second, until told to end. */
function watch(): () => Promise<{ seen: Set<string>; looks: number; unanswered: number }> {
    const seen = new Set<string>();
    let [looks, unanswered, stopped] = [0, 0, false];
    const watching = Promise.all(
        NODES.map(async (node) => {
            for (; !stopped; await new Promise((done) => setTimeout(done, 250))) {
                looks++;
                await health(access, node).then(
                    ({ status, number_of_nodes }) => seen.add(`${status}, ${number_of_nodes} nodes`),
                    () => unanswered++,
                );
            }
        }),
    );
    return async () => {
        stopped = true;
        await watching;
        return { seen, looks, unanswered };
    };
}

it("are shown by every port after otel-ha rotate, without a red moment, a lost node or a restart", async () => {
    const before = await serials();
    const stop = watch();
    const { code, stdout, stderr } = await otelHa(project, ["rotate", "certificates", "--yes"]);
    const { seen, looks, unanswered } = await stop();
    expect(code, stdout + stderr).toBe(0);
    const after = await serials();
    expect(after.filter((serial) => before.includes(serial))).toEqual([]);
    console.log(`${looks} looks, ${unanswered} without an answer, seen: ${[...seen].join("; ")}`);
    expect([...seen]).toEqual(["green, 3 nodes"]);
    expect(unanswered).toBe(0);
    await whole(access);
});
