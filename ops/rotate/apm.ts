/** The secrets of Container APM. */
import { APM_SECRET_NAMES, APM_SECRET_OF, ApmSecretName } from "../../components/apm-credentials";
import { DATA_PREPPER_DEFAULTS } from "../../components/data-prepper";
import { OpenSearchRole, openSearchUser } from "../../components/opensearch-security";
import { ApmValues } from "../../components/settings/keys";
import { expectedServices } from "../status/services";
import { at, inFiles, login, Looker, oldAuthority, shownNoMore, tokens } from "./lookers";
import { credentialOf, type Explanation, type RotationSystem } from "./systems";

const BESIDE =
    "another user is made beside the old one, one host after the other logs in as that, and the old one is removed when no node needs it any more";
const OTHERS_HOLD = "old and new are accepted until --finish";

const EXPLANATIONS: Record<ApmSecretName, Explanation> = {
    opensearchAdmin: {
        what: "the administrator's password of OpenSearch",
        effect: "the old password is refused at once, so that who uses it needs: pulumi stack output opensearchAdminPassword --show-secrets",
    },
    opensearchWriter: {
        what: "who writes telemetry",
        effect: `collectors reload, Data Prepper starts anew; ${BESIDE}`,
    },
    opensearchReader: {
        what: "who searches telemetry",
        effect: `${BESIDE}; people need: pulumi stack output opensearchReaderPassword --show-secrets`,
    },
    opensearchDashboards: { what: "as whom OpenSearch Dashboards keeps its own", effect: `it starts anew; ${BESIDE}` },
    opensearchMonitor: {
        what: "who asks how the cluster is",
        effect: `the cluster collector reloads, and OpenSearch's health check asks with it; ${BESIDE}`,
    },
    dataPrepper: {
        what: "what collectors show to Data Prepper",
        effect: "it starts anew; what a collector without the new one sends waits in its queue",
    },
    dashboardsCookie: {
        what: "what OpenSearch Dashboards signs sessions with",
        effect: "it starts anew, and people have to log in again",
    },
    otlpTokens: { what: "tokens of those who send telemetry", effect: `collectors reload; ${OTHERS_HOLD}` },
    certificates: {
        what: "the nodes' certificates and their keys",
        effect: "OpenSearch and the collectors take them without a restart, Data Prepper starts anew; the old ones are shown nowhere, but stay valid until they end (a new CA ends that)",
    },
    ca: {
        what: "the CA",
        effect: `services that cannot read another bundle while they run start anew, one host after the other; ${OTHERS_HOLD}`,
    },
};

function notHere(name: ApmSecretName, v: ApmValues): string | undefined {
    switch (name) {
        case "opensearchAdmin":
        case "opensearchWriter":
        case "opensearchReader":
        case "opensearchDashboards":
        case "opensearchMonitor":
        case "dashboardsCookie":
            return v.tls === "off" ? 'tls is "off", without which nobody logs in' : undefined;
        case "dataPrepper":
            return v.apm.ingest === "data-prepper" ? undefined : `apm.ingest is "${v.apm.ingest}"`;
        case "otlpTokens":
            return v.otlpTokens === "" ? "otlpTokens names nobody" : undefined;
        case "certificates":
        case "ca":
            return v.tls === "internal" ? undefined : `tls is "${v.tls}"`;
    }
}

function certificatePorts(v: ApmValues): Record<string, number> {
    const there = expectedServices(v);
    const of = (service: string, ports: Record<string, number>): Record<string, number> =>
        there.includes(service) ? ports : {};
    return {
        "the cluster's clients": v.opensearchHttpPort,
        "the other nodes": v.opensearchTransportPort,
        ...of("data-prepper", { collectors: v.dataPrepperTracesPort }),
        ...of("otel-node-collector", { applications: v.otlpHttpPort }),
        ...of("haproxy", { people: v.dashboardsPort }),
    };
}

/** Whoever is let in hears who he is. */
const WHO_AM_I = "/_plugins/_security/authinfo";

// Another password is another user, but for the administrator.
const openSearchLogin = (role: OpenSearchRole): Looker<ApmValues> =>
    login(
        (_, password) => openSearchUser(role, password).user,
        (v) => v.opensearchHttpPort,
        WHO_AM_I,
    );

// A cookie that was made with the old one cannot be made from here: what is looked at is what Dashboards has read.
const cookie: Looker<ApmValues> = async (node, before, now, name) => {
    if (!expectedServices(node.values).includes("opensearch-dashboards"))
        return { state: "gone", seen: "OpenSearch Dashboards does not run there" };
    const key = credentialOf(node.values, name);
    const [old, current] = [before.shared.credentials[key]!, now.credentials[key]!];
    return inFiles(node, `${node.values.configDir}/opensearch-dashboards`, old, current);
};

const LOOKS = (): Record<ApmSecretName, Looker<ApmValues>> => ({
    opensearchAdmin: openSearchLogin("admin"),
    opensearchWriter: openSearchLogin("writer"),
    opensearchReader: openSearchLogin("reader"),
    opensearchDashboards: openSearchLogin("dashboards"),
    opensearchMonitor: openSearchLogin("monitor"),
    dataPrepper: login(
        () => DATA_PREPPER_DEFAULTS.user,
        (v) => v.dataPrepperApiPort,
        "/metrics/prometheus",
    ),
    dashboardsCookie: cookie,
    otlpTokens: tokens,
    certificates: shownNoMore,
    ca: oldAuthority,
});

/** What `otel-ha rotate` has to know of them. */
export const apmRotation = (): RotationSystem<ApmSecretName, ApmValues> => ({
    names: APM_SECRET_NAMES,
    secretOf: APM_SECRET_OF,
    explanations: EXPLANATIONS,
    notHere,
    certificatePorts,
    identityFile: ({ configDir }) => `${configDir}/opensearch-admin/admin.pem`,
    identityDoor: (node) => at(node, node.values.opensearchHttpPort, WHO_AM_I),
    looks: LOOKS(),
});
