import { shellQuote } from "../../components/shell";
import { AnyNode } from "../deployment";
import { Change } from "../preview/plan";
import {
    deployedContainers,
    DeployedContainer,
    deployedImages,
    foundContainers,
    foundImages,
} from "./kinds/containers";
import { DeployedFile, deployedFiles } from "./kinds/files";
import { deployedFirewall } from "./kinds/firewall";
import { isUnneeded, storeSetups, userRetirements } from "./kinds/object-store";
import { clusterSetup, isOfTheCluster, turnTaking } from "./kinds/opensearch";
import { Look } from "./look";
import { Finding } from "./model";
import { hostSetups } from "./setup-script";
import { inputOf, lineOf } from "./state";
import { FoundContainer } from "./kinds/containers";
import { watchInstallation } from "./kinds/watch";

/** One thing that is done on the host. What it sends there is in `run` only: it may be secret. */
export interface Step {
    /** @example "write /data/docker/otel/loki/config.yaml" */
    text: string;
    /** Goes on when it fails: what comes later may mend it. */
    mayFail?: boolean;
    run(node: Pick<AnyNode, "exec">): Promise<{ code: number; stdout: string; stderr: string }>;
}

/** How a node is put right. */
export interface Repair {
    /** Before `pulumi up`, in this order. */
    before: Step[];
    /** True when `pulumi up` has to look at the containers (--refresh), and to make some anew. */
    refresh: boolean;
    /** After `pulumi up`. */
    after: Step[];
    /** What services notice of it. */
    changes: Change[];
}

const HOST_TIMEOUT_MS = 300_000;

/** Copies of much data take their time. */
const CLUSTER_TIMEOUT_MS = 900_000;

interface StepOptions {
    input?: string;
    mayFail?: boolean;
    fresh?: boolean;
    timeoutMs?: number;
}

function step(text: string, line: string, more: StepOptions = {}): Step {
    const { input, mayFail, fresh, timeoutMs = HOST_TIMEOUT_MS } = more;
    return { text, mayFail, run: (node) => node.exec(line, { input, fresh, timeoutMs }) };
}

/** A process that is older than this has been started again since its container was made. */
const FIRST_START_MS = 60_000;

/**
 * What puts a node right; undefined: nothing is to be done. `changing` are resources that the next `pulumi up` makes anew anyway: they are left to it.
 * Errors: a host that was wiped is for `--rebuild`. Pure.
 */
export function repairOf(look: Look, changing: string[] = []): Repair | undefined {
    const findings = look.findings.filter(({ urn }) => !changing.includes(urn));
    if (findings.length === 0) return undefined;
    const work = new Work(look, findings);
    return { before: work.before(), refresh: work.refresh(), after: work.after(), changes: work.changes() };
}

/** True when the host has nothing of the deployment: that is no case for a repair. Pure. */
export const isWiped = ({ findings }: Pick<Look, "findings">): boolean => findings.some(({ kind }) => kind === "host");

class Work {
    private readonly found: Record<string, FoundContainer | undefined>;
    private readonly containers: DeployedContainer[];
    private readonly files: DeployedFile[];
    private readonly anew: DeployedContainer[];
    private readonly foreign: DeployedContainer[];
    private readonly restarted: DeployedContainer[];
    private readonly started: DeployedContainer[];

    constructor(
        private readonly look: Look,
        private readonly findings: Finding[],
    ) {
        const { resources, said } = look;
        this.found = foundContainers(said) ?? {};
        this.containers = deployedContainers(resources);
        const of = (kind: Finding["kind"], ...properties: string[]): Finding[] =>
            findings.filter(
                (one) => one.kind === kind && (properties.length === 0 || properties.includes(one.property)),
            );
        const concerned = (list: Finding[]): DeployedContainer[] =>
            this.containers.filter(({ resource: { urn } }) => list.some((finding) => finding.urn === urn));

        const wrong = of("file").map(({ urn }) => urn);
        this.files = deployedFiles(resources).filter(({ urn, write }) => write && wrong.includes(urn));
        this.foreign = concerned(of("container", "identity"));
        this.anew = [...concerned(of("container", "existence")), ...this.foreign];
        this.restarted = this.containers.filter((one) => !this.anew.includes(one) && this.mustRestart(one));
        this.started = concerned(of("container", "state")).filter(
            (one) => !this.anew.includes(one) && !this.restarted.includes(one),
        );
    }

    before(): Step[] {
        const { resources } = this.look;
        const prepared = hostSetups(resources).filter(({ resource }) => this.isWrong(resource.urn));
        return [
            ...prepared.map(({ resource }) =>
                step("prepare the host again: directories, kernel settings, helper scripts", lineOf(resource), {
                    input: inputOf(resource),
                }),
            ),
            ...this.firewallSteps(),
            ...this.watchSteps(),
            // A file's validator may run in a container of an image.
            ...this.imageSteps(),
            ...this.turnSteps(),
            ...this.restarted.map(({ name, stopSeconds }) =>
                step(`stop ${name}`, `docker stop -t ${stopSeconds} ${name}`),
            ),
            ...this.files.map((file) => {
                const reloads = this.isAnother(file) && file.write!.reloads;
                const text = `write ${file.path}${reloads ? `, which ${reloads} reads again` : ""}`;
                return step(text, file.write!.line, { input: file.write!.input });
            }),
            // A container that is made anew may need them. A store that is itself made anew, or started, is asked afterwards.
            ...(this.storeIsTouched() ? [] : this.storeSteps()),
            ...[...this.restarted, ...this.started].sort(this.inOrder).map(({ name }) => this.start(name)),
            ...this.foreign.map(({ name, stopSeconds }) =>
                step(
                    `remove ${name}, which is not the deployed one`,
                    `docker stop -t ${stopSeconds} ${name}; docker rm -f ${name}`,
                ),
            ),
        ];
    }

    /** What Docker changed in place, and what has to be made anew, is Pulumi's to put right: its state says how. */
    refresh(): boolean {
        const others = this.findings.filter(({ kind, property }) => kind === "container" && property !== "state");
        const lost = this.imagesWrong().some(({ there }) => !there);
        return this.anew.length > 0 || lost || others.length > 0;
    }

    after(): Step[] {
        return [...(this.storeIsTouched() ? this.storeSteps() : []), ...this.clusterSteps()];
    }

    // A node of a cluster takes its turn before it is stopped, and ends it when it is back.
    private turnSteps(): Step[] {
        const stopped = [...this.restarted, ...this.foreign].filter(isOpenSearch);
        const turn = stopped.length > 0 ? turnTaking(this.look.resources) : undefined;
        if (!turn) return [];
        return [step("ask the cluster whether it can spare the node", lineOf(turn), { input: inputOf(turn) })];
    }

    private clusterSteps(): Step[] {
        const setup = clusterSetup(this.look.resources);
        const comes = [...this.restarted, ...this.started].some(isOpenSearch);
        if (!setup || (!comes && !this.findings.some(isOfTheCluster))) return [];
        const text = comes
            ? "wait until the node is part of the cluster, and the cluster is as it should be"
            : "make users, roles, templates and settings of the cluster again";
        return [step(text, lineOf(setup), { input: inputOf(setup), timeoutMs: CLUSTER_TIMEOUT_MS })];
    }

    private storeIsTouched(): boolean {
        return [...this.anew, ...this.restarted, ...this.started].some(({ name }) => name.startsWith("minio-"));
    }

    private storeSteps(): Step[] {
        const [setup] = storeSetups(this.look.resources);
        const store = this.findings.some(({ kind }) => ["bucket", "user", "group", "policy"].includes(kind));
        // A store that could not be asked, and is started now, may lack them as well.
        const unasked = this.look.unknown.length > 0 && this.started.some(({ name }) => name.startsWith("minio-"));
        if (!setup || (!store && !unasked)) return [];
        const gone = this.findings.filter(isUnneeded).map(({ subject }) => subject);
        const line = [lineOf(setup), ...gone.map((user) => `--retire ${shellQuote(user)}`)].join(" ");
        const text = ["make buckets, users and policies again", ...gone.map((user) => `remove the user ${user}`)].join(
            ", ",
        );
        // Who is in a group too many, the setup leaves there.
        const group = this.findings.some(({ kind }) => kind === "group");
        const retirement = userRetirements(this.look.resources).filter(() => group);
        return [
            step(text, line, { input: inputOf(setup) }),
            ...retirement.map((one) =>
                step("take users that the node does not need out of its group", lineOf(one), { input: inputOf(one) }),
            ),
        ];
    }

    changes(): Change[] {
        const service = ({ name }: DeployedContainer): string => name.slice(0, -this.look.name.length - 1);
        const change = (effect: Change["effect"], op: Change["op"], what: string) => (one: DeployedContainer) => {
            return { op, what: `${what} (repair)`, effect, service: service(one) };
        };
        const runs = (one: DeployedContainer): boolean => this.found[one.name]?.status === "running";
        const reloaded = this.containers.filter(
            (one) =>
                !this.restarted.includes(one) &&
                this.files.some((file) => file.write?.reloads === one.name && this.isAnother(file)),
        );
        return [
            ...this.anew.map((one) => change(runs(one) ? "restarts" : "starts", "replace", "container")(one)),
            ...this.restarted.map((one) => change(runs(one) ? "restarts" : "starts", "update", "container")(one)),
            ...this.started.map(change("starts", "update", "container")),
            ...reloaded.map(change("reloads", "update", "files")),
        ];
    }

    // Rules that cannot be confirmed over a new connection are taken back by the host.
    private firewallSteps(): Step[] {
        const deployed = deployedFirewall(this.look.resources);
        if (!deployed || !this.isWrong(deployed.urn)) return [];
        const input = deployed.file.content;
        return [
            step("load the firewall's rules, for a trial", deployed.apply, { input }),
            step("confirm them over a new connection", deployed.confirm, { fresh: true }),
        ];
    }

    private watchSteps(): Step[] {
        const installed = watchInstallation(this.look.resources);
        if (!installed || !this.isWrong(installed.urn)) return [];
        const input = inputOf(installed);
        return [step("install the watch of containers again", lineOf(installed), { input })];
    }

    private isWrong(urn: string): boolean {
        return this.findings.some((finding) => finding.urn === urn);
    }

    // Of what it has open, a container does not notice that it was made anew.
    private mustRestart(one: DeployedContainer): boolean {
        const lost = this.findings
            .filter(({ kind, property }) => kind === "directory" && property === "existence")
            .map(({ subject }) => subject);
        const found = this.found[one.name];
        if (!found || found.status === "exited" || found.status === "created") return false;
        const hasOpen = (path: string): boolean =>
            one.sources.some((source) => within(source.path, path) || (!source.readOnly && within(path, source.path)));
        if (lost.some(hasOpen)) return true;
        return this.files.some(
            (file) => file.parent === one.resource.parent && !file.write?.reloads && this.hasRead(file, found),
        );
    }

    // Its first process read what Pulumi had written just before. A later one may have read what was there then.
    private hasRead(file: DeployedFile, found: FoundContainer): boolean {
        const first = Date.parse(found.startedAt) - Date.parse(found.created) < FIRST_START_MS;
        return this.isAnother(file) && !(first && found.status === "running");
    }

    /** More than its mode or owner differs. */
    private isAnother({ urn, path }: DeployedFile): boolean {
        return this.findings.some(
            (finding) =>
                finding.urn === urn && finding.subject === path && ["content", "existence"].includes(finding.property),
        );
    }

    private start(name: string): Step {
        const paused = this.found[name]?.status === "paused";
        return step(`start ${name}`, `docker ${paused ? "unpause" : "start"} ${name}`, { mayFail: true });
    }

    private imagesWrong(): { name: string; id: string; there: boolean }[] {
        const found = foundImages(this.look.said);
        return deployedImages(this.look.resources)
            .filter(({ urn }) => this.findings.some((finding) => finding.kind === "image" && finding.urn === urn))
            .map(({ name, id }) => ({ name, id, there: found[name]?.there ?? false }));
    }

    private imageSteps(): Step[] {
        return this.imagesWrong()
            .filter(({ there }) => there)
            .map(({ name, id }) => step(`call the deployed image ${name} again`, `docker tag ${id} ${name}`));
    }

    private readonly inOrder = (a: DeployedContainer, b: DeployedContainer): number =>
        this.containers.indexOf(a) - this.containers.indexOf(b);
}

const isOpenSearch = ({ name }: DeployedContainer): boolean =>
    name.startsWith("opensearch-") && !name.startsWith("opensearch-dashboards-");

/** True for a path below another one, or the same. Pure. */
const within = (path: string, directory: string): boolean => path === directory || path.startsWith(`${directory}/`);
