import { ApmValues, Values } from "../../components/settings/keys";
import { clusterApis, ClusterApis, closeAll } from "../apm/access";
import { AnyDeployment, ApmDeployment, DeployedNode, Deployment } from "../deployment";
import { UserError } from "../errors";
import { readCluster, ClusterFacts } from "./apm/facts";
import { ApmStatus, isRefusal, judgeApm } from "./apm/judge";
import { collectHost, expectedServices } from "./collect";
import { judge } from "./judge";
import { NodeFacts, Status } from "./model";
import { recordedContainers, RecordedContainers } from "./state";
import { AnyStatus } from "./text";

/** Keeps what changes only when somebody deploys. */
const KEPT_FOR_MS = 60_000;

/** Looks at a system, again and again. */
export interface Reader<S extends AnyStatus = AnyStatus> {
    /** Asks all hosts at once; a host that says nothing for five seconds is away. */
    read(): Promise<S>;
}

/** The reader for whichever system it is. */
export const readerFor = (deployment: AnyDeployment): Reader =>
    deployment.system === "apm" ? new ApmStatusReader(deployment) : new StatusReader(deployment);

/** Facts of the hosts of a system; what Pulumi's state says of their containers is kept for a minute. */
class Hosts<V extends Values | ApmValues> {
    private recorded: RecordedContainers[] = [];
    private recordedAt = -Infinity;

    constructor(
        private readonly nodes: DeployedNode<V>[],
        private readonly pulumi: Deployment["pulumi"],
    ) {}

    async facts(): Promise<NodeFacts<V>[]> {
        const [, ...facts] = await Promise.all([this.readRecorded(), ...this.nodes.map((node) => collectHost(node))]);
        return this.nodes.map(({ stack, values }, at) => ({
            stack,
            values,
            services: expectedServices(values),
            facts: facts[at]!,
            recorded: this.recorded[at],
        }));
    }

    private async readRecorded(): Promise<void> {
        if (Date.now() - this.recordedAt < KEPT_FOR_MS) return;
        const { pulumi } = this;
        this.recorded = await Promise.all(this.nodes.map(({ stack }) => recordedContainers({ pulumi }, stack)));
        this.recordedAt = Date.now();
    }
}

/** Looks at a pair, again and again. */
export class StatusReader implements Reader<Status> {
    private readonly hosts: Hosts<Values>;

    constructor({ nodes, pulumi }: Pick<Deployment, "nodes" | "pulumi">) {
        this.hosts = new Hosts(nodes, pulumi);
    }

    async read(): Promise<Status> {
        return judge(await this.hosts.facts());
    }
}

/** Looks at Container APM, again and again: at its hosts, and at OpenSearch from here. */
export class ApmStatusReader implements Reader<ApmStatus> {
    private readonly hosts: Hosts<ApmValues>;
    private apis?: ClusterApis;
    private openedAt = -Infinity;

    constructor(
        private readonly deployment: Pick<ApmDeployment, "nodes" | "pulumi">,
        private readonly open: typeof clusterApis = clusterApis,
    ) {
        this.hosts = new Hosts(deployment.nodes, deployment.pulumi);
    }

    async read(): Promise<ApmStatus> {
        const [facts, cluster] = await Promise.all([this.hosts.facts(), this.cluster()]);
        return judgeApm(facts, cluster);
    }

    private async cluster(): Promise<ClusterFacts> {
        try {
            const cluster = await readCluster(await this.reach());
            // Another login since, as in the middle of a rotation.
            if (!cluster.members.every(isRefusal)) return cluster;
            this.openedAt = -Infinity;
            return await readCluster(await this.reach());
        } catch (error) {
            if (!(error instanceof UserError)) throw error;
            return { members: [], error: error.message };
        }
    }

    // Logins change when somebody deploys.
    private async reach(): Promise<ClusterApis> {
        if (this.apis && Date.now() - this.openedAt < KEPT_FOR_MS) return this.apis;
        if (this.apis) closeAll(this.apis);
        this.apis = await this.open(this.deployment);
        this.openedAt = Date.now();
        return this.apis;
    }
}
