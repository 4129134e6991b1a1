// TLS of the object store: switched on or off in one up of each host, and renewed in place. In the end everything is as the tests before left it.
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { labExec } from "../../lab/hosts";
import { Project } from "../../lab/project";
import { allHealthy, node1, node2, objects, settings, settledProject, stackSecret, up } from "./support";

const STACKS = ["node1", "node2"] as const;
const OBJECT = "loki-data/kept-while-tls-changes";

let project: Project;
/** The two ways to go: to the other one, and back. */
let modes: string[];
const undo: (() => void)[] = [];

/** Serial number of the certificate that the store on node 1 shows. */
const served = (): Promise<string> =>
    new Promise((resolve, reject) => {
        const socket = connect({ host: node1.address, port: 9000, rejectUnauthorized: false, timeout: 5_000 }, () => {
            resolve(socket.getPeerCertificate().serialNumber);
            socket.end();
        });
        socket.on("error", reject).on("timeout", () => socket.destroy(new Error("no answer")));
    });

const process = async (): Promise<string> =>
    (await labExec("node1", ["docker", "inspect", "--format", "{{.Id}} {{.State.Pid}}", "minio-mid-1"])).stdout;

beforeAll(async () => {
    project = await settledProject();
    const address = await stackSecret(project, "node1", "objectStore");
    modes = address.startsWith("https:") ? ["off", "internal"] : ["internal", "off"];
    expect((await objects(node1, OBJECT, undefined, "cp /etc/hostname")).code).toBe(0);
});

afterAll(async () => {
    for (const one of undo.reverse()) one();
    for (const stack of STACKS) await up(project, stack);
    await Promise.all([allHealthy(node1, 150_000), allHealthy(node2, 150_000)]);
    await objects(node1, OBJECT, undefined, "rm");
}, 600_000);

describe("a pool", () => {
    it.each([0, 1])(
        "changes between TLS and none, host after host, with all that is in it (%i)",
        async (turn) => {
            const tls = modes[turn]!;
            for (const stack of STACKS) undo.push(settings(project, stack, `tls=${tls}`));
            const first = await up(project, "node1");
            // Between the two neither half can work with the other.
            expect(first.stdout).toContain(
                "open: the object store has no write quorum, though 192.168.110.119:9000 listens",
            );
            await up(project, "node2");
            await Promise.all([allHealthy(node1, 150_000), allHealthy(node2, 150_000)]);
            for (const node of [node1, node2]) {
                expect((await objects(node, OBJECT)).stdout).toContain("kept-while-tls-changes");
                const plain = await fetch(`http://${node.address}:9000/minio/health/live`).then(({ status }) => status);
                expect(plain, `${node.name}, in the clear`).toBe(tls === "off" ? 200 : 400);
            }
            if (tls !== "off") await renews();
        },
        900_000,
    );
});

/** Another certificate is shown after `up`, by the same process. */
async function renews(): Promise<void> {
    const before = { certificate: await served(), process: await process() };
    const back = settings(project, "node1", "certificateLifetime=80d");
    try {
        const { touched } = await up(project, "node1");
        expect(touched).toContain("update mid-1-minio-public.crt");
        expect(await served()).not.toBe(before.certificate);
        expect(await process()).toBe(before.process);
    } finally {
        back();
    }
    await up(project, "node1");
}
