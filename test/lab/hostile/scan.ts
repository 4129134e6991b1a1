// Which ports answer, and what they want to see first.
import { connect } from "node:net";
import { ask } from "../../../lab/access";
import { labExec } from "../../../lab/hosts";
import { BRIDGE, LabNode } from "../../../lab/nodes";
import { run } from "../../../lab/run";
import { exchange, told } from "./wire";

const LAST_PORT = 65_535;
const TIMEOUT_MS = 1500;

export type PortState = "open" | "closed" | "dropped";

/** What happens to a connection from one of the deployer's addresses. Errors: anything that tells nothing about the port. */
export function portState(host: string, port: number, localAddress: string): Promise<PortState> {
    return new Promise((resolve, reject) => {
        const socket = connect({ host, port, localAddress });
        const end = (state: PortState): void => {
            clearTimeout(timer);
            socket.destroy();
            resolve(state);
        };
        const timer = setTimeout(() => end("dropped"), TIMEOUT_MS);
        socket.once("connect", () => end("open"));
        socket.once("error", (error: NodeJS.ErrnoException) => {
            if (error.code === "ECONNREFUSED") return end("closed");
            clearTimeout(timer);
            reject(error);
        });
    });
}

/** All TCP ports of an address that are not closed, by what they are. Errors: a port of which nmap says something else, or nothing. */
export async function scan(host: string, from: string): Promise<Record<"open" | "dropped", number[]>> {
    // A packet that got lost is no answer: nmap asks again before it says so.
    const how = ["-n", "-Pn", "-sS", "-p-", "--min-rate", "20000", "--max-retries", "3", "-e", BRIDGE, "-S", from];
    const { stdout, stderr, code } = await run(["nmap", ...how, "-oX", "-", host]);
    if (code !== 0) throw new Error(`nmap ${host}: ${stderr}`);
    const found = portsByState(stdout);
    const { open = [], filtered = [], closed = [] } = found;
    if (open.length + filtered.length + closed.length !== LAST_PORT)
        throw new Error(`nmap ${host}: ${Object.entries(found).map(([state, ports]) => `${ports.length} ${state}`)}`);
    return { open, dropped: filtered };
}

/** From nmap's XML: ports by themselves, and those that it puts together. */
function portsByState(xml: string): Record<string, number[]> {
    const found: Record<string, number[]> = {};
    const add = (state: string, ports: number[]): void => void (found[state] ??= []).push(...ports);
    for (const [, port, state] of xml.matchAll(/<port protocol="tcp" portid="(\d+)"><state state="([^"]+)"/g))
        add(state!, [Number(port)]);
    for (const [, state, inside] of xml.matchAll(/<extraports state="([^"]+)"[^>]*>([\s\S]*?)<\/extraports>/g))
        for (const [, ports] of inside!.matchAll(/ports="([^"]*)"/g)) add(state!, ports!.split(",").flatMap(range));
    for (const ports of Object.values(found)) ports.sort((a, b) => a - b);
    return found;
}

/** @example range("3-5") → [3, 4, 5] */
function range(text: string): number[] {
    const [from, to = from] = text.split("-").map(Number);
    return Array.from({ length: to! - from! + 1 }, (_, at) => from! + at);
}

/** Ports on which something of a host listens for more than the host itself. */
export async function listeners(node: LabNode, protocol: "tcp" | "udp"): Promise<number[]> {
    const { stdout, code, stderr } = await labExec(node.name, [
        "ss",
        "-H",
        "-l",
        "-n",
        protocol === "tcp" ? "-t" : "-u",
    ]);
    if (code !== 0) throw new Error(`${node.name}: ss: ${stderr}`);
    const places = stdout.split("\n").flatMap((line) => /\S+:\d+/.exec(line)?.[0] ?? []);
    const reached = places.filter((place) => !/^(127\.|\[::1\])/.test(place));
    return [...new Set(reached.map((place) => Number(place.split(":").at(-1))))].sort((a, b) => a - b);
}

/** What is asked of every port, whatever it is. */
const PATHS = [
    "/",
    "/metrics",
    "/stats",
    "/healthz",
    "/healthz/local",
    "/-/ready",
    "/ready",
    "/config",
    "/debug/pprof/",
    "/api/v1/query?query=up",
    "/api/v1/status/config",
    "/loki/api/v1/labels",
    "/minio/health/live",
    "/minio/health/ready",
    "/minio/health/cluster",
    "/minio/v2/metrics/cluster",
    "/minio/admin/v3/info",
    "/v1/logs",
];

/** Paths that somebody without a name, or with a wrong password, is answered otherwise than by a refusal. @param refusals statuses that are one */
export async function openPaths(host: string, port: number, refusals: number[]): Promise<string[]> {
    const found: string[] = [];
    for (const login of ["nobody", { user: "admin", password: "wrong" }] as const)
        for (const path of PATHS) {
            const { status } = await ask(host, port, path, { login });
            if (!refusals.includes(status)) found.push(path);
        }
    return [...new Set(found)];
}

/** Whether something answers a request in the clear, other than that it has to be TLS. */
export async function answersInTheClear(host: string, port: number, from: string): Promise<boolean> {
    const text = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const heard = await exchange({ host, port, from, clear: true }, [text]);
    // MinIO says in the clear that it is not for that; HAProxy says nothing.
    return (
        heard.bytes.some((byte) => byte > 31 && byte < 127) && told(heard) !== "400 closed" && heard.bytes[0] !== 0x15
    );
}
