import { Command, InvalidArgumentError } from "commander";
import { addCommand, CommonOptions, withDeployment } from "../cli";
import { sleep } from "../run";
import { paintFor } from "../terminal";
import { EXIT_CODES, Status } from "./model";
import { StatusReader } from "./reader";
import { statusText } from "./text";

interface StatusOptions extends CommonOptions {
    watch?: number | true;
}

const HELP = `
Exit codes:
  0  healthy: everything works, twice
  1  degraded: it works, but redundancy or something else is missing
  2  broken: data is not taken, or cannot be read
  3  cannot be told: no host can be reached, or the settings cannot be read

A queue shows what its node's collector keeps for a back end. Redundancy is full when every service works and no back end has more
outstanding than what waits in passing: 5 s of the stated rate (dataPointsPerSecond, logRecordsPerSecond) for the other node's, 30 s for the
node's own, whose batches fill more slowly. Blocks are uploaded every 2 h: a new sidecar has no "last block uploaded".
A certificate that ends within certificateRenewBefore is degraded, one that has ended is broken.

Examples:
  otel-ha status                      one screen
  otel-ha status --watch              again every 2 seconds, until Ctrl-C
  otel-ha status --json | jq .verdict
  otel-ha status >/dev/null || echo "look at the pair"
`;

function everySeconds(text: string): number {
    const seconds = Number(text);
    if (!(seconds >= 0.5 && seconds <= 3600)) throw new InvalidArgumentError("Write seconds, from 0.5 to 3600.");
    return seconds;
}

function print(status: Status, json: boolean | undefined): void {
    const paint = paintFor(process.stdout);
    if (json) console.log(JSON.stringify(status, undefined, process.stdout.isTTY ? 2 : undefined));
    else console.log(statusText(status, paint, Date.now() / 1000));
    process.exitCode = EXIT_CODES[status.verdict];
}

// Until Ctrl-C.
async function watch(reader: StatusReader, seconds: number, json: boolean | undefined): Promise<never> {
    for (;;) {
        const status = await reader.read();
        if (!json && process.stdout.isTTY) process.stdout.write("\u001b[H\u001b[2J");
        if (!json) console.log(new Date().toLocaleTimeString("sv"));
        print(status, json);
        await sleep(seconds * 1000);
    }
}

export function addStatusCommand(program: Command): void {
    addCommand(program, "status", "Show whether the pair works, and whether everything is there twice")
        .option("-w, --watch [seconds]", "show it again and again (default: every 2 seconds)", everySeconds)
        .addHelpText("after", HELP)
        .action((options: StatusOptions) =>
            withDeployment(options, async (deployment) => {
                const reader = new StatusReader(deployment);
                if (options.watch) await watch(reader, options.watch === true ? 2 : options.watch, options.json);
                else print(await reader.read(), options.json);
            }),
        );
}
