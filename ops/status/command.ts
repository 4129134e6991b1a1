import { Command, InvalidArgumentError } from "commander";
import { addCommand, CommonOptions, withSystem } from "../cli";
import { sleep } from "../run";
import { paintFor } from "../terminal";
import { EXIT_CODES } from "./model";
import { Reader, readerFor } from "./reader";
import { AnyStatus, statusText } from "./text";

interface StatusOptions extends CommonOptions {
    watch?: number | true;
}

const HELP = `
Exit codes:
  0  healthy: everything works, and is there more than once
  1  degraded: it works, but redundancy or something else is missing
  2  broken: data is not taken, or cannot be read
  3  cannot be told: no host can be reached, or the settings cannot be read

A queue shows what its node's collector keeps for a back end. Redundancy is full when every service works and no back end has more
outstanding than what waits in passing: 5 s of the stated rate (dataPointsPerSecond, logRecordsPerSecond) for the other node's, 30 s for the
node's own, whose batches fill more slowly. Blocks are uploaded every 2 h: a new sidecar has no "last block uploaded".
A certificate that ends within certificateRenewBefore is degraded, one that has ended is broken.

Of Container APM: broken without a cluster manager, when the cluster is red, or when writes are refused, as by a full disk; degraded when it is yellow,
a node is away, a disk is above a watermark, or the queue of a collector does not empty.

Examples:
  otel-ha status                      one screen
  otel-ha status --watch              again every 2 seconds, until Ctrl-C
  otel-ha status --json | jq .verdict
  otel-ha status >/dev/null || echo "look at it"
`;

function everySeconds(text: string): number {
    const seconds = Number(text);
    if (!(seconds >= 0.5 && seconds <= 3600)) throw new InvalidArgumentError("Write seconds, from 0.5 to 3600.");
    return seconds;
}

function print(status: AnyStatus, json: boolean | undefined): void {
    const paint = paintFor(process.stdout);
    if (json) console.log(JSON.stringify(status, undefined, process.stdout.isTTY ? 2 : undefined));
    else console.log(statusText(status, paint, Date.now() / 1000));
    process.exitCode = EXIT_CODES[status.verdict];
}

// Until Ctrl-C.
async function watch(reader: Reader, seconds: number, json: boolean | undefined): Promise<never> {
    for (;;) {
        const status = await reader.read();
        if (!json && process.stdout.isTTY) process.stdout.write("\u001b[H\u001b[2J");
        if (!json) console.log(new Date().toLocaleTimeString("sv"));
        print(status, json);
        await sleep(seconds * 1000);
    }
}

export function addStatusCommand(program: Command): void {
    addCommand(program, "status", "Show whether the system works, and whether everything is there more than once")
        .option("-w, --watch [seconds]", "show it again and again (default: every 2 seconds)", everySeconds)
        .addHelpText("after", HELP)
        .action((options: StatusOptions) =>
            withSystem(options, async (deployment) => {
                const reader = readerFor(deployment);
                if (options.watch) await watch(reader, options.watch === true ? 2 : options.watch, options.json);
                else print(await reader.read(), options.json);
            }),
        );
}
