// From what the Docker daemon tells about a container to the outputs of docker:index:Container.
import type { ContainerInspectInfo } from "dockerode";
import { isMap, Value, ValueMap } from "../values";
import { Api, MIB } from "./docker-create";
import { formatDuration } from "./durations";

const listOrNull = (list: string[] | null | undefined): Value => (list?.length ? list : null);
const mapOrNull = (map: object | null | undefined): Value =>
    map && Object.keys(map).length > 0 ? (map as ValueMap) : null;

function readMount(info: Api): ValueMap {
    const bind = info.BindOptions as Api | undefined;
    const tmpfs = info.TmpfsOptions as Api | undefined;
    const volume = info.VolumeOptions as Api | undefined;
    return {
        bindOptions: bind ? { propagation: bind.Propagation as string } : null,
        readOnly: info.ReadOnly === true,
        source: (info.Source as string) ?? "",
        target: info.Target as string,
        tmpfsOptions: tmpfs ? { sizeBytes: (tmpfs.SizeBytes as number) ?? 0, mode: (tmpfs.Mode as number) ?? 0 } : null,
        type: info.Type as string,
        volumeOptions: volume ? { noCopy: volume.NoCopy === true } : null,
    };
}

function readHealthcheck(info: Api | undefined): Value {
    if (!info) return null;
    const time = (name: string) => formatDuration((info[name] as number) ?? 0);
    return {
        interval: time("Interval"),
        retries: (info.Retries as number) ?? 0,
        startInterval: time("StartInterval"),
        startPeriod: time("StartPeriod"),
        tests: (info.Test as string[]) ?? [],
        timeout: time("Timeout"),
    };
}

function readNetworks(networks: Api | undefined): Value {
    return Object.entries(networks ?? {}).map(([networkName, raw]) => {
        const network = raw as Api;
        return {
            gateway: (network.Gateway as string) ?? "",
            globalIpv6Address: (network.GlobalIPv6Address as string) ?? "",
            globalIpv6PrefixLength: (network.GlobalIPv6PrefixLen as number) ?? 0,
            ipAddress: (network.IPAddress as string) ?? "",
            ipPrefixLength: (network.IPPrefixLen as number) ?? 0,
            ipv6Gateway: (network.IPv6Gateway as string) ?? "",
            macAddress: (network.MacAddress as string) ?? "",
            networkName,
        };
    });
}

const text = (value: unknown) => (value as string) ?? "";
const number = (value: unknown) => (value as number) ?? 0;

/** What the daemon tells of the container's own configuration. */
function readConfig(config: Api): ValueMap {
    return {
        command: (config.Cmd as string[]) ?? [],
        domainname: text(config.Domainname),
        entrypoints: (config.Entrypoint as string[]) ?? [],
        healthcheck: readHealthcheck(config.Healthcheck as Api | undefined),
        hostname: text(config.Hostname),
        stdinOpen: config.OpenStdin === true,
        stopSignal: text(config.StopSignal),
        stopTimeout: number(config.StopTimeout),
        tty: config.Tty === true,
        user: text(config.User),
        workingDir: text(config.WorkingDir),
    };
}

function readLimits(host: Api): ValueMap {
    const swap = number(host.MemorySwap);
    return {
        cpuSet: text(host.CpusetCpus),
        cpuShares: number(host.CpuShares),
        memory: Math.floor(number(host.Memory) / MIB),
        memoryReservation: Math.floor(number(host.MemoryReservation) / MIB),
        memorySwap: swap > 0 ? Math.floor(swap / MIB) : swap,
        shmSize: Math.floor(number(host.ShmSize) / MIB),
    };
}

function readHosts(entries: string[] | null | undefined): Value {
    return (entries ?? []).map((entry) => {
        const at = entry.indexOf(":");
        return { host: entry.slice(0, at), ip: entry.slice(at + 1) };
    });
}

/** What it tells of how the host runs the container. */
function readHostConfig(host: Api & { RestartPolicy?: Api; LogConfig?: Api }): ValueMap {
    const [adds, drops] = [host.CapAdd as string[] | null, host.CapDrop as string[] | null];
    return {
        ...readLimits(host),
        capabilities: adds?.length || drops?.length ? { adds: listOrNull(adds), drops: listOrNull(drops) } : null,
        dns: listOrNull(host.Dns as string[]),
        dnsOpts: listOrNull(host.DnsOptions as string[]),
        dnsSearches: listOrNull(host.DnsSearch as string[]),
        groupAdds: listOrNull(host.GroupAdd as string[]),
        hosts: readHosts(host.ExtraHosts as string[]),
        init: host.Init === true,
        ipcMode: text(host.IpcMode),
        logDriver: text(host.LogConfig?.Type),
        maxRetryCount: number(host.RestartPolicy?.MaximumRetryCount),
        mounts: ((host.Mounts as Api[]) ?? []).map(readMount),
        networkMode: text(host.NetworkMode),
        privileged: host.Privileged === true,
        publishAllPorts: host.PublishAllPorts === true,
        readOnly: host.ReadonlyRootfs === true,
        restart: text(host.RestartPolicy?.Name),
        rm: host.AutoRemove === true,
        runtime: text(host.Runtime),
        securityOpts: (host.SecurityOpt as string[]) ?? [],
        sysctls: mapOrNull(host.Sysctls as object),
        tmpfs: mapOrNull(host.Tmpfs as object),
        usernsMode: text(host.UsernsMode),
    };
}

function observed(info: ContainerInspectInfo): ValueMap {
    const network = info.NetworkSettings as unknown as Api;
    return {
        ...readConfig(info.Config as unknown as Api),
        ...readHostConfig(info.HostConfig as unknown as Api),
        bridge: text(network.Bridge),
        id: info.Id,
        image: info.Image,
        name: info.Name.replace(/^\//, ""),
        networkDatas: readNetworks(network.Networks as Api | undefined),
        platform: info.Platform || "linux",
    };
}

/** Fields that nothing is known about unless they were asked for. */
const UNREAD: ValueMap = {
    attach: false,
    cgroupParent: null,
    cgroupnsMode: null,
    containerLogs: null,
    cpuPeriod: null,
    cpuQuota: null,
    cpus: null,
    deviceReadBps: [],
    deviceReadIops: [],
    deviceRequests: [],
    deviceWriteBps: [],
    deviceWriteIops: [],
    devices: [],
    envs: [],
    exitCode: null,
    gpus: null,
    labels: [],
    logOpts: null,
    logs: false,
    networksAdvanced: [],
    pidMode: null,
    ports: [],
    storageOpts: null,
    ulimits: [],
    uploads: [],
    volumes: [],
};

const META =
    '{"e2bfb730-ecaa-11e6-8f88-34363bc7c4c0":{"create":1200000000000,"delete":1200000000000,"update":1200000000000},"schema_version":"2"}';

export function withoutDefaultsNotes(value: Value): Value {
    if (Array.isArray(value)) return value.map(withoutDefaultsNotes);
    if (!isMap(value)) return value;
    const entries = Object.entries(value).filter(([key]) => key !== "__defaults");
    return Object.fromEntries(entries.map(([key, item]) => [key, withoutDefaultsNotes(item)]));
}

/** `asked`: inputs, or former outputs, for what the daemon is not asked about. */
export function outputsOf(info: ContainerInspectInfo, asked: ValueMap): ValueMap {
    const known = withoutDefaultsNotes(asked) as ValueMap;
    const running = info.State.Running;
    return {
        __meta: META,
        ...UNREAD,
        ...known,
        ...observed(info),
        // A container that must run and does not is a difference to be dealt with.
        mustRun: known.mustRun === true ? running : (known.mustRun ?? true),
        exitCode: running ? null : info.State.ExitCode,
    };
}
