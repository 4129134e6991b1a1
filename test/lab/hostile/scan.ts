// Which ports answer, and what they want to see first.
import { connect } from "node:net";
import { ask } from "../../../lab/access";
import { labExec } from "../../../lab/hosts";
import { LabNode } from "../../../lab/nodes";
import { exchange, told } from "./wire";

/** Connections under way at a time. */
const AT_ONCE = 1500;
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

/** All TCP ports of an address that are not closed, by what they are. */
export async function scan(host: string, from: string): Promise<Record<"open" | "dropped", number[]>> {
    const found: Record<PortState, number[]> = { open: [], closed: [], dropped: [] };
    let next = 1;
    const work = async (): Promise<void> => {
        while (next <= LAST_PORT) {
            const port = next++;
            found[await portState(host, port, from)].push(port);
        }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    // A packet that got lost is no answer: who says nothing is asked once more.
    const silent = found.dropped;
    found.dropped = [];
    for (const port of silent) found[await portState(host, port, from)].push(port);
    const byNumber = (ports: number[]): number[] => ports.sort((a, b) => a - b);
    return { open: byNumber(found.open), dropped: byNumber(found.dropped) };
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
