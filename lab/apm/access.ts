/** Container APM on the lab's hosts as its clients reach it: collectors, OpenSearch. */
import { openSearchUser, type OpenSearchRole } from "../../components/opensearch-security";
import { stackOutputs } from "../../ops/access";
import { HttpClient, isGood, type Door } from "../../ops/http";
import { hostsOf, type LabNode } from "../nodes";
import { pulumi, type Project } from "../project";
import type { Collector } from "../sample-service";

const TIMEOUT_MS = 10_000;

interface Outputs {
    otlpHttp: string;
    opensearch: string;
    caCertificate?: string;
    otlpTokens?: Record<string, string>;
    opensearchAdminPassword: string;
    opensearchReaderPassword: string;
}

export class ApmAccess {
    private readonly clients: Record<"admin" | "reader", HttpClient>;

    private constructor(private readonly outputs: Map<string, Outputs>) {
        this.clients = { admin: this.client("admin"), reader: this.client("reader") };
    }

    /** Errors: a stack that was never up. */
    static async of(project: Project): Promise<ApmAccess> {
        const read = project.stacks.map(
            async (stack) => [stack, await stackOutputs((args) => pulumi(project, args), stack)] as const,
        );
        return new ApmAccess(new Map((await Promise.all(read)) as unknown as [string, Outputs][]));
    }

    /** Where the applications of each node send telemetry. */
    collectors(): Collector[] {
        return hostsOf("apm").map((node) => {
            const { otlpHttp: url, caCertificate: ca, otlpTokens = {} } = this.of(node);
            const [token] = Object.values(otlpTokens);
            return { url, ca, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
        });
    }

    opensearch(node: LabNode): string {
        return this.of(node).opensearch;
    }

    /** Asks a node's OpenSearch as someone who searches, or as the administrator. Errors: no answer, or another than 2xx. */
    async ask<T>(
        node: LabNode,
        path: string,
        { body, as = "reader" }: { body?: object; as?: "admin" | "reader" } = {},
    ): Promise<T> {
        const url = `${this.opensearch(node)}${path}`;
        const question = body
            ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }
            : {};
        const answer = await this.clients[as].ask(url, { ...question, timeoutMs: TIMEOUT_MS });
        if (!isGood(answer)) throw new Error(`${url}: ${answer.status} ${answer.text.slice(0, 300)}`);
        return JSON.parse(answer.text) as T;
    }

    /** Where someone with this role comes in. */
    door(node: LabNode, role: OpenSearchRole & ("admin" | "reader")): Door | undefined {
        const { caCertificate: ca, opensearchAdminPassword, opensearchReaderPassword } = this.of(node);
        if (ca === undefined) return undefined;
        const { user, password } = openSearchUser(
            role,
            role === "admin" ? opensearchAdminPassword : opensearchReaderPassword,
        );
        return { ca, authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
    }

    close(): void {
        for (const client of Object.values(this.clients)) client.close();
    }

    private client(role: "admin" | "reader"): HttpClient {
        const doors = hostsOf("apm").map(
            (node) => [new URL(this.opensearch(node)).host, this.door(node, role)] as const,
        );
        return new HttpClient(
            Object.fromEntries(doors.flatMap(([host, door]) => (door ? [[host, door] as const] : []))),
        );
    }

    private of(node: LabNode): Outputs {
        return this.outputs.get(node.name)!;
    }
}
