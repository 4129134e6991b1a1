/** What scripts/watch-host.sh prints, understood. Pure. */
import type { TimelineEvent } from "../report/schema";

/** What is known of a host's clock: add it to a time of the host to have one of ours. Milliseconds. */
export type ClockOffset = number;

/** The event that a line stands for; undefined for a line that says nothing new. */
export function parseHostLine(
    line: string,
    node: string,
    vip: string,
    now: number,
    offset: ClockOffset,
): TimelineEvent | undefined {
    const [, kind, rest] = /^(\w+) (.*)$/.exec(line) ?? [];
    if (kind === "vip") return { at: now, source: "vip", node, what: rest === "held" ? "held" : "absent" };
    if (kind === "ip") return addressChange(rest!, node, vip, offset);
    if (kind === "docker") return containerChange(rest!, node, offset);
    if (kind === "haproxy") return serverChange(rest!, node, offset);
    return undefined;
}

function addressChange(text: string, node: string, vip: string, offset: ClockOffset): TimelineEvent | undefined {
    const [, time, deleted, address] = /^\[([^\]]+)\] (Deleted )?\d+: .*?inet (\S+?)\//.exec(text) ?? [];
    if (address !== vip) return undefined;
    return { at: hostTime(`${time}Z`) + offset, source: "vip", node, what: deleted ? "released" : "held" };
}

const ACTIONS = ["start", "die", "stop", "kill", "pause", "unpause", "oom", "destroy", "create"];

function containerChange(text: string, node: string, offset: ClockOffset): TimelineEvent | undefined {
    const [, nanos, name, action] = /^(\d+) (\S+) (.+)$/.exec(text) ?? [];
    if (!nanos) return undefined;
    const health = /^health_status: (\w+)/.exec(action!)?.[1];
    if (!health && !ACTIONS.includes(action!)) return undefined;
    const at = Number(BigInt(nanos) / 1_000_000n) + offset;
    return { at, source: "container", node, what: health ?? action!, detail: name };
}

function serverChange(text: string, node: string, offset: ClockOffset): TimelineEvent | undefined {
    const [, time, server, state, reason] =
        /^(\S+Z) .*?(?:Server (\S+) is (UP|DOWN)|has no server available)(?:, reason: ([^,]+))?/.exec(text) ?? [];
    if (!time) return undefined;
    const at = hostTime(time) + offset;
    if (!server) {
        const backend = /backend '?(\S+?)'? has no server/.exec(text)?.[1] ?? "a back end";
        return { at, source: "haproxy", node, what: `${backend} has no server` };
    }
    return { at, source: "haproxy", node, what: `${server} ${state}`, detail: reason };
}

/** Date.parse knows milliseconds only; what is finer is cut off. */
const hostTime = (text: string): number => Date.parse(text.replace(/(\.\d{3})\d*Z?$/, "$1Z").replace(/ZZ$/, "Z"));
