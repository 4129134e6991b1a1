// Who may do what in the cluster: each user what it is there for, and nothing else.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSearchUser, type OpenSearchRole } from "../../components/opensearch-security";
import { ApmAccess } from "../../lab/apm/access";
import { openProject } from "../../lab/project";
import { HttpClient } from "../../ops/http";
import { stackSecret } from "../lab/support";
import { NODES, PROJECT } from "./support";

const PASSWORD_OF: Record<OpenSearchRole, string> = {
    admin: "opensearchAdminPassword",
    writer: "opensearchWriterPassword",
    reader: "opensearchReaderPassword",
    dashboards: "opensearchDashboardsPassword",
    monitor: "opensearchMonitorPassword",
};
const ROLES = Object.keys(PASSWORD_OF) as OpenSearchRole[];

const JSON_LINES = { "content-type": "application/x-ndjson" };
const LINE = `{"create":{"_index":"otel-logs"}}\n{"@timestamp":"2026-01-01T00:00:00Z","body":"who may write"}\n`;

const NOTHING_NEW = `{"persistent":{"cluster.metadata.otel-ha.none":null}}`;

interface Act {
    what: string;
    method?: string;
    path: string;
    body?: string;
    /** Who may; nobody else. */
    who: OpenSearchRole[];
}

// What would do harm names what is not there: who may do it hears of that.
const ACTS: Act[] = [
    { what: "search logs", path: "/otel-logs/_search", who: ["admin", "reader"] },
    { what: "search spans", path: "/otel-v1-apm-span/_search", who: ["admin", "reader"] },
    { what: "write logs", method: "POST", path: "/_bulk", body: LINE, who: ["admin", "writer"] },
    { what: "ask how the cluster is", path: "/_cluster/health", who: ["admin", "writer", "monitor", "dashboards"] },
    { what: "ask where copies are", path: "/_cat/shards", who: ["admin", "monitor"] },
    {
        what: "read Dashboards' own index as its keeper",
        path: "/.kibana_1/_count",
        who: ["admin", "dashboards", "reader"],
    },
    { what: "make an index", method: "PUT", path: "/otel-logs-Not-A-Name", who: ["admin"] },
    { what: "delete an index", method: "DELETE", path: "/otel-logs-999999", who: ["admin"] },
    // Dashboards keeps templates of its own, and the plugin's role for that does not ask which.
    { what: "delete a template", method: "DELETE", path: "/_index_template/none", who: ["admin", "dashboards"] },
    {
        what: "change the cluster's settings",
        method: "PUT",
        path: "/_cluster/settings",
        body: NOTHING_NEW,
        who: ["admin"],
    },
    { what: "read users", path: "/_plugins/_security/api/internalusers", who: [] },
];

let access: ApmAccess;
let passwords: Record<string, string>;

beforeAll(async () => {
    const project = openProject(PROJECT, "apm");
    access = await ApmAccess.of(project);
    passwords = JSON.parse(await stackSecret(project, "apm1", "sharedCredentials")) as Record<string, string>;
});
afterAll(() => access?.close());

async function ask({ method = "GET", path, body }: Act, role: OpenSearchRole): Promise<number> {
    const node = NODES[0]!;
    const { user, password } = openSearchUser(role, passwords[PASSWORD_OF[role]]!);
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
    const { ca } = access.door(node, "reader")!;
    const http = new HttpClient({ [`${node.address}:9200`]: { ca, authorization } });
    const headers = body === LINE ? JSON_LINES : { "content-type": "application/json" };
    const { status, text } = await http
        .ask(`${access.opensearch(node)}${path}`, { method, headers, body, timeoutMs: 10_000 })
        .finally(() => http.close());
    // A bulk request is let in or not line by line, too.
    return body === LINE && status === 200 && (JSON.parse(text) as { errors: boolean }).errors ? 403 : status;
}

describe.each(ACTS)("to $what", (act) => {
    it(act.who.length ? `is for ${act.who.join(", ")}` : "is for none of them", async () => {
        const answers = await Promise.all(ROLES.map(async (role) => [role, await ask(act, role)] as const));
        expect(answers.filter(([, status]) => status === 401)).toEqual([]);
        expect(answers.filter(([, status]) => status !== 403).map(([role]) => role)).toEqual(
            ROLES.filter((role) => act.who.includes(role)),
        );
    });
});
