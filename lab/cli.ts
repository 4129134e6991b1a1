/** The lab's command line. */
import { Command, InvalidArgumentError } from "commander";
import { elapsed } from "./progress";
import { cutPower, makeDisks } from "./disks";
import { killHost, stopHost } from "./host";
import { requireRoot } from "./machine";
import * as lab from "./commands";
import { cut, healNetwork, inside, isolate } from "./network";
import { chooseNodes, containerName, findNode, findSystem, hostsOf, SYSTEMS, type LabNode, type System } from "./nodes";
import { installPlugins } from "./plugins";
import { interactive } from "./run";
import { showStatus } from "./show";

const program = new Command("lab")
    .description("Disposable hosts on one machine, for trying and testing otel-ha. A test tool, not a product.")
    .helpOption("-h, --help")
    .enablePositionalOptions()
    .showHelpAfterError("(add --help for how to use it)")
    .configureHelp({ sortSubcommands: false })
    .addHelpText("after", `\n${SYSTEMS.map(describeSystem).join("\n")}`);

program
    .command("setup")
    .description("install packages, start Docker, build or pull all images (cached; the first time takes long)")
    .argument("[image...]", "only these service images, by short name (loki, cmp-minio, …)")
    .option("--update-sums", "after changing a go.mod: compile and write the go.sum that belongs to it")
    .addHelpText("after", examples("lab setup", "lab setup haproxy cmp-keepalived", "lab setup --update-sums loki"))
    .action(timed((images: string[], options: { updateSums?: boolean }) => lab.setup(images, options)));

program
    .command("up")
    .description("everything: setup, network, registry, hosts; repairs what a reboot left; quick when all is up")
    .argument("[node...]", "these hosts (those of otel-ha when neither host nor system is named)")
    .option("--system <name...>", "the hosts of these systems", parseSystem)
    .option("--hosts-only", "do not build or wait for the service images")
    .addHelpText(
        "after",
        examples("lab up", "lab up --system apm", "lab up --system otel-ha --system apm", "lab up apm1 --hosts-only"),
    )
    .action(
        timed((names: string[], { system, ...options }: { system?: System[]; hostsOnly?: boolean }) =>
            lab.up(chooseNodes(names, system), options),
        ),
    );

program
    .command("down")
    .description("remove hosts, their disks, network and registry; what took long to build stays cached")
    .option("--keep-data", "keep the hosts' disks and keys for the next `lab up`")
    .addHelpText("after", examples("lab down", "lab down --keep-data"))
    .action(timed((options: { keepData?: boolean }) => lab.down(options)));

program
    .command("status")
    .description("what is up")
    .option("--json", "for programs")
    .addHelpText("after", examples("lab status", "lab status --json | jq .nodes.node1"))
    .action(guarded(async (options: { json?: boolean }) => showStatus(await lab.status(), options.json ?? false)));

program
    .command("exec")
    .description("run a command in a host, as root")
    .argument("<node>", "node1, node2, apm1, …", parseNode)
    .argument("<command...>")
    .passThroughOptions()
    .addHelpText("after", examples("lab exec node1 docker ps", "lab exec node2 ip address show eth0"))
    .action(
        guarded(async (node: LabNode, command: string[]) => {
            const terminal = process.stdin.isTTY && process.stdout.isTTY ? ["-t"] : [];
            process.exitCode = await interactive([
                "docker",
                "exec",
                "-i",
                ...terminal,
                containerName(node),
                ...command,
            ]);
        }),
    );

program
    .command("run")
    .description("run a command inside the lab's network, as the deployer")
    .argument("<command...>")
    .passThroughOptions()
    .addHelpText(
        "after",
        examples("lab run -- curl http://192.168.110.140:4318/", "lab run -- pulumi up --stack node1"),
    )
    .action(
        guarded(async (command: string[]) => {
            requireRoot();
            await lab.requireNetwork();
            process.exitCode = await interactive(inside(command));
        }),
    );

program
    .command("plugins")
    .description("fetch Pulumi's provider plugins, which the real CLI needs and the lab's network cannot reach")
    .action(guarded(() => installPlugins(process.env)));

program
    .command("stop")
    .description("shut hosts down in order")
    .argument("<node...>")
    .addHelpText("after", examples("lab stop node1"))
    .action(timed((names: string[]) => each(names, stopHost)));

program
    .command("kill")
    .description("pull hosts' plugs: nothing in them gets to know")
    .argument("<node...>")
    .option("--power-cut", "what their disks (lab disks) have not written is gone as well")
    .addHelpText("after", examples("lab kill node1", "lab kill --power-cut node1"))
    .action(
        timed((names: string[], options: { powerCut?: boolean }) =>
            each(names, options.powerCut ? cutPower : killHost),
        ),
    );

program
    .command("start")
    .description("power hosts on again; their disks are as they were")
    .argument("<node...>")
    .addHelpText("after", examples("lab start node1"))
    .action(timed((names: string[]) => lab.start(names.map(findNode))));

program
    .command("reset")
    .description("make hosts as empty as new ones (all when none is named)")
    .argument("[node...]")
    .option("--keep-images", "keep the images that the hosts have pulled")
    .addHelpText("after", examples("lab reset", "lab reset node2 --keep-images"))
    .action(
        timed(async (names: string[], options: { keepImages?: boolean }) =>
            lab.reset(await lab.namedOrPresent(names), options),
        ),
    );

program
    .command("disks")
    .description(
        "give empty hosts file systems of their own where their services keep data (all hosts when none is named)",
    )
    .argument("[node...]")
    .addHelpText("after", examples("lab reset && lab disks"))
    .action(timed((names: string[]) => each(names, makeDisks)));

program
    .command("partition")
    .description("let nothing pass between two hosts; the deployer still reaches both")
    .argument("<a>", "a node", parseNode)
    .argument("<b>", "another node", parseNode)
    .addHelpText("after", examples("lab partition node1 node2"))
    .action(timed(cut));

program
    .command("isolate")
    .description("let nothing pass between a host and everybody else")
    .argument("<node>", "a node", parseNode)
    .addHelpText("after", examples("lab isolate node1"))
    .action(timed(isolate));

program
    .command("heal")
    .description("end all partitions and isolations")
    .addHelpText("after", examples("lab heal"))
    .action(timed(healNetwork));

async function each(names: string[], action: (node: LabNode) => Promise<void>): Promise<unknown> {
    return Promise.all((await lab.namedOrPresent(names)).map(action));
}

function describeSystem(system: System): string {
    const hosts = hostsOf(system).map((node) => `${node.name} (${node.address})`);
    return `Hosts of ${system}: ${hosts.join(", ")}`;
}

/** The option can be given more than once. */
function parseSystem(name: string, before: System[] = []): System[] {
    try {
        return [...before, findSystem(name)];
    } catch (error) {
        throw new InvalidArgumentError((error as Error).message);
    }
}

function parseNode(name: string): LabNode {
    try {
        return findNode(name);
    } catch (error) {
        throw new InvalidArgumentError((error as Error).message);
    }
}

function examples(...lines: string[]): string {
    return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`;
}

/** A failure is one message, not a stack trace. */
function guarded<A extends unknown[]>(action: (...args: A) => Promise<unknown>): (...args: A) => Promise<void> {
    return async (...args) => {
        try {
            await action(...args);
        } catch (error) {
            console.error(`lab: ${process.env.LAB_DEBUG ? (error as Error).stack : (error as Error).message}`);
            process.exitCode = 1;
        }
    };
}

function timed<A extends unknown[]>(action: (...args: A) => Promise<unknown>): (...args: A) => Promise<void> {
    return guarded(async (...args: A) => {
        const started = Date.now();
        await action(...args);
        console.error(`Done in ${elapsed(started)}.`);
    });
}

void program.parseAsync();
