import { Command } from "commander";
import { shellQuote, helper } from "../../components/shell";
import { addCommand, CommonOptions, withDeployment } from "../cli";
import { DeployedNode, Deployment } from "../deployment";
import { UserError } from "../errors";
import { Listing, listScript, missing, readListing } from "./listing";

interface ResyncOptions extends CommonOptions {
    to: string;
}

const HELP = `
For objectStore "mirrored", after a node was wiped or its object store lost data: copies what the other node's buckets have and this node's
have not, then compares the lists. Copies nothing twice and deletes nothing: it may run at any time, and again after an interruption.
Loki publishes the index of its newest logs within 20 minutes: run it once more then.

Exit codes:
  0  the node has everything that the other one had when this began
  1  something could not be copied, or is missing nevertheless
  3  nothing was done: wrong usage, unreadable settings, another kind of object store

Examples:
  otel-ha resync --to mid-2          fill the object store of mid-2 from that of mid-1
  otel-ha resync --to node2 --json   the stack's name will do, too
`;

const HOURS = 3_600_000;
/** The script waits for two minutes, twice. */
const FLUSH_TIMEOUT_MS = 300_000;

export function addResyncCommand(program: Command): void {
    addCommand(program, "resync", "Fill a node's object store with what the other node's has (objectStore: mirrored)")
        .requiredOption("--to <node>", "the node that is to be filled")
        .addHelpText("after", HELP)
        .action((options: ResyncOptions) => withDeployment(options, (deployment) => resync(deployment, options)));
}

async function resync(deployment: Deployment, options: ResyncOptions): Promise<void> {
    const say = (line: string): void => (options.json ? console.error(line) : console.log(line));
    const [from, to] = sides(deployment.nodes, options.to);
    const startedMs = Date.now();
    const buckets = [to.values.lokiBucket, to.values.thanosBucket];
    say(`copying ${buckets.join(" and ")} from ${from.name} to ${to.name}`);
    const copied = await copy(from, to, buckets, say);

    const results = [];
    for (const bucket of buckets) {
        const [there, here] = await Promise.all([list(from, bucket), list(to, bucket)]);
        results.push({ bucket, copied: copied[bucket] ?? 0, missing: missing(there, here, startedMs) });
    }
    const lost = results.flatMap(({ bucket, missing: keys }) => keys.map((key) => `${bucket}/${key}`));
    process.exitCode = lost.length > 0 ? 1 : 0;
    if (options.json) return console.log(JSON.stringify({ from: from.name, to: to.name, buckets: results }));
    for (const result of results)
        console.log(`${result.bucket}: ${result.copied} objects copied, ${result.missing.length} missing`);
    if (lost.length > 0)
        throw new UserError(
            `${to.name} lacks ${lost.length} objects, such as ${lost[0]}; they may have been removed meanwhile: run it again`,
            1,
        );
    console.log(`${to.name} has everything that ${from.name} has.`);
}

/** The node to copy from and the one to fill. Errors: no such node, no peer, another kind of object store. Pure. */
export function sides(nodes: DeployedNode[], name: string): [from: DeployedNode, to: DeployedNode] {
    const to = nodes.find((node) => node.name === name || node.stack === name);
    if (!to) throw new UserError(`--to ${name}: there is no such node; write ${nodes.map((n) => n.name).join(" or ")}`);
    const from = nodes.find((node) => node !== to);
    if (!from) throw new UserError(`--to ${name}: the other node's stack is needed, too`);
    for (const { stack, values } of nodes)
        if (values.objectStore !== "mirrored")
            throw new UserError(
                `objectStore of stack ${stack} is "${values.objectStore}"; only "mirrored" has two stores that one fills from the other`,
            );
    return [from, to];
}

/** The command line on the host that is filled. Pure. */
export function mirrorCommand(from: DeployedNode, to: DeployedNode, buckets: string[]): string {
    return helper(
        "mirror-buckets",
        ...["--container", to.container("minio"), "--port", String(to.values.objectStorePort)],
        ...["--from", `${from.address}:${from.values.objectStorePort}`],
        ...buckets,
    );
}

/** The command line on the host that is copied from: logs in Loki's memory are in no bucket yet. Pure. */
export function flushCommand(from: DeployedNode): string {
    return helper("flush-loki", "--container", from.container("minio"), "--port", String(from.values.lokiPort));
}

async function copy(
    from: DeployedNode,
    to: DeployedNode,
    buckets: string[],
    say: (line: string) => void,
): Promise<Record<string, number>> {
    const started = Date.now();
    const alive = setInterval(() => say(`… ${Math.round((Date.now() - started) / 1000)} s`), 15_000);
    const copied: Record<string, number> = {};
    const flushed = await from.exec(flushCommand(from), { timeoutMs: FLUSH_TIMEOUT_MS });
    if (flushed.code !== 0) {
        clearInterval(alive);
        throw new UserError(`${from.name}: ${flushed.stderr.trim()}`, 1);
    }
    const result = await to
        .exec(mirrorCommand(from, to, buckets), {
            timeoutMs: 24 * HOURS,
            onLine: (line) => {
                const [, bucket, count] = /^(\S+) (\d+)$/.exec(line) ?? [];
                if (bucket === undefined) return;
                copied[bucket] = Number(count);
                say(`${bucket}: ${count} objects copied`);
            },
        })
        .finally(() => clearInterval(alive));
    if (result.code !== 0) throw new UserError(`${to.name}: ${result.stderr.trim()}`, 1);
    return copied;
}

async function list(node: DeployedNode, bucket: string): Promise<Listing> {
    const { code, stdout, stderr } = await node.exec(
        `docker exec -i ${shellQuote(node.container("minio"))} /bin/sh -s`,
        { input: listScript(bucket, node.values.objectStorePort), timeoutMs: HOURS },
    );
    if (code !== 0) throw new UserError(`${node.name}: bucket ${bucket} cannot be listed: ${stderr.trim()}`, 1);
    return readListing(stdout);
}
