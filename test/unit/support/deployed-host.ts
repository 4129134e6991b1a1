// A host in a directory: the program's own commands have deployed a stack there, with stubs for Docker and the object store's client.
import { ChildProcess, spawn, spawnSync } from "child_process";
import * as fs from "fs";
import * as path from "path";
import { DeployedNode, Deployment } from "../../../ops/deployment";
import { RunResult } from "../../../ops/run";
import { ExecOptions } from "../../../ops/ssh";
import { deployedContainers, deployedImages, FoundContainer } from "../../../ops/verify/kinds/containers";
import { storeSetups } from "../../../ops/verify/kinds/object-store";
import { Look, lookAt } from "../../../ops/verify/look";
import { Finding } from "../../../ops/verify/model";
import { repairOf, Step } from "../../../ops/verify/repair";
import { inputOf, lineOf, readResources, StateResource } from "../../../ops/verify/state";
import { exportText, registered } from "./export";
import { Registered } from "./graph";
import { Bench } from "./shell";
import { StackName, valuesOf } from "./stacks";

const LINKS = ["stat", "sha256sum", "base64", "mktemp", "touch", "ls", "flock", "setsid"];

/** Only root may give files away. */
export const IS_ROOT = process.getuid?.() === 0;

const DOCKER = `
field() { sed -n "s/.*\\"$1\\":\\"\\([^\\"]*\\)\\".*/\\1/p" "$STATE/containers/$2"; }
set_status() { sed -i "s/\\"status\\":\\"[a-z]*\\"/\\"status\\":\\"$1\\"/" "$STATE/containers/$2"; }
case $1 in
    version) [ ! -e "$STATE/no-docker" ] && echo 20.10.24 ;;
    run) exit 0 ;;
    tag) grep -v " $3\\$" "$STATE/images" >"$STATE/images.new" || true; echo "$2 $3" >>"$STATE/images.new"; mv "$STATE/images.new" "$STATE/images" ;;
    image)
        shift 4
        for name; do grep -m 1 -e "^$name " -e " $name\\$" "$STATE/images" | cut -d ' ' -f 1 | grep . || missing=1; done
        exit "\${missing:-0}" ;;
    start | unpause) [ -e "$STATE/containers/$2" ] && set_status running "$2" ;;
    restart) set_status running "$2" ;;
    stop) set_status exited "$4" ;;
    rm) rm -f "$STATE/containers/$3" ;;
    logs) ;;
    inspect)
        shift
        [ "$1" != --type ] || shift 2
        format=$2
        shift 2
        for name; do
            [ -e "$STATE/containers/$name" ] || { echo "Error: No such object: $name" >&2; missing=1; continue; }
            case $format in
                *'json .Name'*) cat "$STATE/containers/$name" ;;
                *Healthcheck*) printf 'CMD-SHELL\\ntrue\\n' ;;
                *RestartCount*) echo 0 ;;
                *State.Running*) [ "$(field status "$name")" != running ] || cat "$STATE/pid" ;;
                *State.Pid*) cat "$STATE/pid" ;;
                *State.Status*) field status "$name" ;;
                *otel-ha.spec*) field otel-ha.spec "$name" ;;
            esac
        done
        exit "\${missing:-0}" ;;
    exec)
        shift
        while :; do case $1 in -i) shift ;; -e) export "$2"; shift 2 ;; *) break ;; esac; done
        [ "$(field status "$1")" = running ] || { echo "Error: container $1 is not running" >&2; exit 1; }
        shift
        case "$*" in *OTEL_HA_CHECK* | *OTEL_HA_GROUP*) exec "$@" ;; *metrics*) echo prometheus_config_last_reload_successful 1 ;; esac ;;
esac`;

// Buckets: a directory each. Users: a file each with policies, status, secret, groups. Policies: a file each. The JSON is what mc 2025-03-13 prints.
const MC = `
store=$STATE/store
[ "$1" != --quiet ] || shift
[ "$1" != --json ] || shift
policies() { sed -n 1p "$store/users/$1"; }
change() { { echo "$2"; sed 1d "$store/users/$1"; } >"$store/new"; mv "$store/new" "$store/users/$1"; }
tell_user() {
    has=$(policies "$1")
    in=$(sed -n 4p "$store/users/$1" | sed 's/[^ ][^ ]*/{"name":"&"}/g; s/ /,/g')
    echo "{\\"status\\":\\"success\\",\\"accessKey\\":\\"$1\\"\${has:+,\\"policyName\\":\\"$has\\"},\\"userStatus\\":\\"$(sed -n 2p "$store/users/$1")\\"\${in:+,\\"memberOf\\":[$in]}}"
}
failed() { echo "{\\"status\\":\\"error\\",\\"error\\":{\\"message\\":\\"$1\\",\\"cause\\":{\\"message\\":\\"$2\\"},\\"type\\":\\"fatal\\"}}"; exit 1; }
case "$*" in
    "ls store") for at in $(ls "$store/buckets"); do echo "{\\"status\\":\\"success\\",\\"type\\":\\"folder\\",\\"key\\":\\"$at/\\"}"; done ;;
    "ls client/"*)
        login=\${MC_HOST_client#http://}; login=\${login%@*}
        [ "$(sed -n 3p "$store/users/\${login%%:*}")" = "\${login#*:}" ] || failed "Unable to list folder." "SignatureDoesNotMatch" ;;
    "mb "*) mkdir -p "$store/buckets/\${3#store/}" ;;
    "admin user list store") for at in $(ls "$store/users"); do tell_user "$at"; done ;;
    "admin user info store "*) tell_user "$5" ;;
    "admin user remove store "*) rm "$store/users/$5" ;;
    "admin user add store")
        read -r user; read -r secret
        has="" in=""; [ ! -e "$store/users/$user" ] || { has=$(policies "$user"); in=$(sed -n 4p "$store/users/$user"); }
        printf '%s\\nenabled\\n%s\\n%s\\n' "$has" "$secret" "$in" >"$store/users/$user" ;;
    "admin group add store "* | "admin group rm store "*)
        verb=$3 group=$5
        shift 5
        for user; do
            in=$(sed -n 4p "$store/users/$user" | tr ' ' '\\n' | grep -vx -e "$group" -e '' | tr '\\n' ' ')
            [ "$verb" = rm ] || in="$in$group"
            { sed -n 1,3p "$store/users/$user"; echo "\${in% }"; } >"$store/new"; mv "$store/new" "$store/users/$user"
        done ;;
    "admin policy info store "*)
        [ -e "$store/policies/$5" ] || failed "Unable to fetch policy" "The canned policy does not exist."
        echo "{\\"status\\":\\"success\\",\\"policy\\":\\"$5\\",\\"policyInfo\\":{\\"PolicyName\\":\\"$5\\",\\"Policy\\":$(tr '\\n' ' ' <"$store/policies/$5")}}" ;;
    "admin policy create store "*) cat "$6" >"$store/policies/$5" ;;
    "admin policy attach store "*)
        case ",$(policies "$7")," in *",$5,"*) echo "mc: <ERROR> The specified policy change is already in effect."; exit 1 ;; esac
        has=$(policies "$7"); change "$7" "\${has:+$has,}$5" ;;
    "admin policy detach store "*) change "$7" "$(policies "$7" | tr ',' '\\n' | grep -vx "$5" | tr '\\n' ',' | sed 's/,$//')" ;;
    *) echo "mc: unknown $*" >&2; exit 1 ;;
esac`;

/** One node of a deployed pair. */
export class DeployedHost {
    readonly bench = new Bench();
    readonly node: DeployedNode;
    readonly deployment: Deployment;
    /** What Pulumi was asked. */
    readonly asked: string[] = [];
    readonly resources: StateResource[];
    /** What `pulumi stack export --show-secrets` prints. */
    readonly state: string;
    private readonly process: ChildProcess;

    private constructor(stack: StackName, state: string) {
        const { bench } = this;
        // Paths of the host are in the directory; owners are whoever may be one here.
        this.state = state
            .replaceAll("/data/", `${bench.root}/data/`)
            .replaceAll("/usr/local/lib/otel-ha", bench.lib)
            .replaceAll("/etc/sysctl.d", `${bench.root}/etc/sysctl.d`)
            .replaceAll("/proc/sys/", `${bench.root}/proc/sys/`)
            .replaceAll("FIREWALL=true", "FIREWALL=false")
            .replaceAll("made for credentials-", "made-for-")
            .replace(/(--owner |0\d{3} )\d+:\d+/g, "$10:0");
        this.resources = readResources(this.state);
        const values = valuesOf(stack);
        this.node = {
            stack,
            name: values.nodeName,
            address: values.nodeAddress,
            values,
            exec: async (line, options) => this.exec(line, options),
            dial: () => {
                throw new Error("there is no port here");
            },
            container: (service) => `${service}-${values.nodeName}`,
        };
        const pulumi = async (args: string[]): Promise<RunResult> => this.pulumi(args);
        this.deployment = {
            ...{ system: "otel-ha", directory: bench.root, nodes: [this.node], vip: values.vip },
            ...{ pulumi, close: async () => {} },
        };
        // What signals reach.
        const heed = `trap 'echo reload >>${bench.state}/signals' HUP USR2; while :; do sleep 0.05; done`;
        this.process = spawn("/bin/sh", ["-c", heed], { stdio: "ignore" });
        bench.write("pid", `${this.process.pid}\n`);
        this.stubs();
    }

    /** A host on which the stack's `up` has just ended well. */
    static async of(stack: StackName, more: Registered[] = []): Promise<DeployedHost> {
        // A firewall would be the machine's own.
        const all = (await registered(stack)).filter(
            ({ type, parent }) => !`${type} ${parent}`.includes("otel-ha:index:Firewall"),
        );
        const host = new DeployedHost(stack, exportText(stack, [...all, ...more]));
        host.deploy();
        return host;
    }

    /** The path of a host's file in the directory. */
    at(file: string): string {
        return path.join(this.bench.root, file);
    }

    exec(line: string, { input = "" }: ExecOptions = {}): RunResult {
        const inPlace = input.replaceAll('"/proc/sys/', `"${this.bench.root}/proc/sys/`);
        const env = {
            PATH: this.bench.bin,
            MINIO_CONFIG_ENV_FILE: this.at("/data/docker/otel/minio/root.env"),
            OTEL_HA_RUN: this.bench.state,
        };
        const done = spawnSync(path.join(this.bench.bin, "sh"), ["-c", line], {
            input: inPlace,
            env,
            encoding: "utf8",
            timeout: 60_000,
        });
        return { code: done.status ?? 124, stdout: done.stdout, stderr: done.stderr };
    }

    look(): Promise<Look> {
        return lookAt(this.deployment, this.node);
    }

    /** Puts right what a look has found, as the rolling run does; the texts of what it did. */
    async heal(found: Look): Promise<string[]> {
        const repair = repairOf(found)!;
        const did: string[] = [];
        const steps = async (all: Step[]): Promise<void> => {
            for (const step of all) {
                const { code, stderr } = await step.run(this.node);
                if (code !== 0 || stderr !== "") throw new Error(`${step.text}: ${code} ${stderr}`);
                did.push(step.text.replaceAll(`${this.bench.root}/data/docker/otel/`, ""));
            }
        };
        await steps(repair.before);
        if (repair.refresh) did.push("pulumi up --refresh");
        if (repair.refresh) this.pulumi(["up", "--refresh"]);
        await steps(repair.after);
        return did;
    }

    /** @example "file haproxy/haproxy.cfg mode: 0644 → 0666" */
    line({ kind, subject, property, expected, found }: Finding): string {
        const { root } = this.bench;
        const short = subject.replace(`${root}/data/docker/otel/`, "").replace(root, "");
        return `${kind} ${short} ${property}: ${expected} → ${found}`;
    }

    /** Docker's view of a container; `change` is how somebody meddled with it. */
    container(name: string, change?: Partial<FoundContainer>): FoundContainer {
        const file = path.join(this.bench.state, "containers", name);
        const found = JSON.parse(fs.readFileSync(file, "utf8")) as FoundContainer;
        if (change) fs.writeFileSync(file, `${JSON.stringify({ ...found, ...change })}\n`);
        return { ...found, ...change };
    }

    remove(): void {
        this.process.kill("SIGKILL");
        this.bench.remove();
    }

    private stubs(): void {
        const { bench } = this;
        LINKS.forEach((program) => bench.link(program));
        bench.link("du");
        bench.stub("docker", DOCKER);
        bench.stub("mc", MC);
        bench.stub("ss", "exit 0");
        bench.stub("sleep", "exit 0");
        bench.stub("df", 'printf "x\\nfs 1 1 999999999999 1%% /\\n"');
        bench.stub("timedatectl", "echo yes");
        bench.stub("chattr", 'for last; do :; done; touch "$last/.sync"');
        bench.stub(
            "lsattr",
            'shift; for at; do [ ! -d "$at" ] || echo "--$([ ! -e "$at/.sync" ] || echo S)---e--- $at"; done',
        );
        if (!IS_ROOT) {
            bench.stub("chown", "exit 0");
            const stat = fs.realpathSync(path.join(bench.bin, "stat"));
            bench.stub("stat", `${stat} "$@" | sed 's/ [0-9]*:[0-9]*/ 0:0/'`);
        }
        for (const directory of ["containers", "store/buckets", "store/users", "store/policies"])
            fs.mkdirSync(path.join(bench.state, directory), { recursive: true });
        for (const name of ["kernel", "net/core"]) fs.mkdirSync(this.at(`/proc/sys/${name}`), { recursive: true });
        fs.writeFileSync(this.at("/proc/sys/kernel/hostname"), `${this.node.values.hostName}\n`);
        fs.writeFileSync(this.at("/proc/sys/net/core/somaxconn"), "128\n");
    }

    // As the engine would: each command in its order.
    private deploy(): void {
        const run = (resource: StateResource): void => {
            const { code, stderr } = this.exec(lineOf(resource), { input: inputOf(resource) });
            if (code !== 0) throw new Error(`${resource.name}: ${stderr}`);
        };
        this.bench.write(
            "images",
            deployedImages(this.resources)
                .map(({ id, name }) => `${id} ${name}\n`)
                .join(""),
        );
        this.resources.filter(({ name }) => name.endsWith("-setup")).forEach(run);
        this.resources.filter((resource) => /^\S*put-file /.test(lineOf(resource))).forEach(run);
        this.makeContainers();
        storeSetups(this.resources).forEach(run);
        fs.rmSync(path.join(this.bench.state, "signals"), { force: true });
        fs.rmSync(path.join(this.bench.state, "argv"), { force: true });
    }

    private makeContainers(): void {
        for (const { resource, name } of deployedContainers(this.resources)) {
            const file = path.join(this.bench.state, "containers", name);
            if (!fs.existsSync(file)) fs.writeFileSync(file, `${JSON.stringify(described(name, resource))}\n`);
        }
    }

    private pulumi(args: string[]): RunResult {
        this.asked.push(args.join(" "));
        if (args[0] === "stack") return { code: 0, stdout: this.state, stderr: "" };
        if (args.includes("--refresh")) this.makeContainers();
        // What Docker can change in place, the provider does.
        for (const { resource, name } of deployedContainers(this.resources))
            if (args.includes("--refresh")) this.container(name, { restart: String(resource.inputs.restart) });
        return { code: 0, stdout: "", stderr: "" };
    }
}

function described(name: string, { id, inputs }: StateResource): FoundContainer {
    const labels = inputs.labels as { label: string; value: string }[];
    const mounts = inputs.mounts as { source: string; target: string; readOnly: boolean }[];
    const time = new Date(Date.now() - 3_600_000).toISOString();
    return {
        name: `/${name}`,
        id: id!,
        image: String(inputs.image),
        ref: String(inputs.image),
        status: "running",
        created: time,
        startedAt: time,
        labels: Object.fromEntries(labels.map(({ label, value }) => [label, value])),
        command: (inputs.command as string[] | undefined) ?? ["the image's"],
        entrypoint: (inputs.entrypoints as string[] | undefined) ?? ["/entry"],
        user: (inputs.user as string | undefined) ?? "",
        restart: String(inputs.restart),
        memory: Number(inputs.memory ?? 0) * 1024 * 1024,
        mounts: mounts.map(({ source, target, readOnly }) => ({
            Source: source,
            Destination: target,
            RW: !readOnly,
        })),
    };
}
