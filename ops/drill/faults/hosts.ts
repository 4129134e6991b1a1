/** Faults of a whole host. */
import { UserError } from "../../errors";
import { run } from "../../run";
import { awaitHost, type Fault, type Machine } from "./fault";

/** How to switch a host off and on: commands of the operator, run on this machine, with {stack}, {name} and {address} filled in. */
export interface PowerCommands {
    /** Must take the power away, not shut down. @example "ipmitool -H bmc-{name} chassis power off" */
    off: string;
    /** @example "ipmitool -H bmc-{name} chassis power on" */
    on: string;
}

const BOOT_MS = 300_000;
const COMMAND_MS = 120_000;

/** A command with the node's words in it. Pure. */
export function fillIn(command: string, node: Pick<Machine, "stack" | "name" | "address">): string {
    return command.replace(/\{(stack|name|address)\}/g, (_, word: "stack" | "name" | "address") => node[word]);
}

/** Takes a host's power away, and gives it back. */
export function powerOff(node: Machine, power: PowerCommands | undefined): Fault {
    let off = false;
    return {
        title: `switch the host of ${node.name} off`,
        hostsAway: [node],
        inject: async () => {
            off = true;
            await operatorCommand(fillIn(power!.off, node));
        },
        heal: async () => {
            if (!off) return;
            await operatorCommand(fillIn(power!.on, node));
            await awaitHost(node, BOOT_MS);
            off = false;
        },
        refusal: async () =>
            power
                ? undefined
                : `no command to switch ${node.name} off and on: give --power-off and --power-on (or OTEL_HA_POWER_OFF and ` +
                  "OTEL_HA_POWER_ON), with {stack}, {name} or {address} where the host's goes; or use --reboot, which lets the kernel " +
                  "restart the host at once without shutting down",
    };
}

/** Restarts a host at once by its kernel, without any shutdown: what a power cut does, with the power back immediately. */
export function crashReboot(node: Machine): Fault {
    let crashed = false;
    return {
        title: `restart the host of ${node.name} at once (sysrq b)`,
        hostsAway: [node],
        inject: async () => {
            crashed = true;
            // Half a second later, so that the answer gets out.
            await node.exec(
                "echo 1 >/proc/sys/kernel/sysrq; setsid sh -c 'sleep 0.5; echo b >/proc/sysrq-trigger' >/dev/null 2>&1 &",
                {
                    timeoutMs: 10_000,
                },
            );
        },
        heal: async () => {
            if (crashed) await awaitHost(node, BOOT_MS);
            crashed = false;
        },
        refusal: async () => {
            const container = await node.exec("test -e /.dockerenv || grep -qa container= /proc/1/environ");
            return container.code === 0
                ? `${node.name} is a container: its sysrq key would restart the machine around it`
                : undefined;
        },
    };
}

async function operatorCommand(line: string): Promise<void> {
    const { code, stdout, stderr } = await run(["sh", "-c", line], { timeoutMs: COMMAND_MS });
    if (code !== 0) throw new UserError(`"${line}" ended with code ${code}: ${(stderr || stdout).trim().slice(-300)}`);
}
