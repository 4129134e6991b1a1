// Between the resource's properties and the Docker API's.
import type { ContainerCreateOptions, ContainerInspectInfo } from "dockerode";
import { isMap, Value, ValueMap } from "../values";

const MIB = 1024 * 1024;
const UNITS: [string, number][] = [
    ["h", 3_600_000_000_000],
    ["m", 60_000_000_000],
    ["s", 1_000_000_000],
    ["ms", 1_000_000],
    ["us", 1000],
    ["µs", 1000],
    ["ns", 1],
];

/** `1m30s` in nanoseconds. */
export function parseDuration(text: string): number {
    const parts = [...text.matchAll(/([\d.]+)(ms|us|µs|ns|h|m|s)/g)];
    if (parts.map(([part]) => part).join("") !== text || parts.length === 0)
        throw new Error(`invalid duration '${text}'`);
    return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * new Map(UNITS).get(unit)!, 0);
}

/** Go's canonical form. */
export function formatDuration(nanoseconds: number): string {
    if (!nanoseconds) return "0s";
    if (nanoseconds < 1_000_000_000) {
        const [unit, size] = UNITS.find(([, length]) => nanoseconds >= length)!;
        return `${nanoseconds / size}${unit}`;
    }
    const hours = Math.floor(nanoseconds / UNITS[0][1]);
    const minutes = Math.floor((nanoseconds % UNITS[0][1]) / UNITS[1][1]);
    const seconds = (nanoseconds % UNITS[1][1]) / UNITS[2][1];
    return `${hours ? `${hours}h` : ""}${hours || minutes ? `${minutes}m` : ""}${seconds}s`;
}

type Api = Record<string, unknown>;

const texts = (value: Value | undefined) => (Array.isArray(value) ? value.map(String) : undefined);
const maps = (value: Value | undefined) => (Array.isArray(value) ? value.filter(isMap) : []);
const asMap = (value: Value | undefined): ValueMap => (isMap(value) ? value : {});
const mebibytes = (value: Value | undefined) => (value === undefined ? undefined : Number(value) * MIB);
const stringMap = (value: Value | undefined) =>
    isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)])) : undefined;

/** -1 means "no limit" and is no size. */
export const swapBytes = (value: Value | undefined) =>
    value === undefined ? undefined : Number(value) > 0 ? Number(value) * MIB : Number(value);

function healthcheck(value: Value | undefined): Api | undefined {
    if (!isMap(value)) return undefined;
    const time = (name: string) => parseDuration(String(value[name] ?? "0s"));
    return {
        Test: texts(value.tests),
        Interval: time("interval"),
        Timeout: time("timeout"),
        StartPeriod: time("startPeriod"),
        ...(time("startInterval") ? { StartInterval: time("startInterval") } : {}),
        Retries: Number(value.retries ?? 0),
    };
}

function mount(value: ValueMap): Api {
    const bind = asMap(value.bindOptions);
    const volume = asMap(value.volumeOptions);
    const tmpfs = asMap(value.tmpfsOptions);
    const driver = { Name: volume.driverName, Options: stringMap(volume.driverOptions) };
    return {
        Type: value.type,
        Source: value.source ?? "",
        Target: value.target,
        ReadOnly: value.readOnly === true,
        ...(bind.propagation ? { BindOptions: { Propagation: bind.propagation } } : {}),
        ...(isMap(value.volumeOptions)
            ? {
                  VolumeOptions: {
                      NoCopy: volume.noCopy === true,
                      ...(volume.driverName ? { DriverConfig: driver } : {}),
                  },
              }
            : {}),
        ...(isMap(value.tmpfsOptions) ? { TmpfsOptions: { SizeBytes: tmpfs.sizeBytes, Mode: tmpfs.mode } } : {}),
    };
}

function ports(value: Value | undefined): { exposed: Api; bindings: Api } {
    const exposed: Api = {};
    const bindings: Record<string, Api[]> = {};
    for (const port of maps(value)) {
        const key = `${port.internal}/${port.protocol ?? "tcp"}`;
        exposed[key] = {};
        (bindings[key] ??= []).push({
            HostIp: port.ip ?? "0.0.0.0",
            HostPort: port.external ? String(port.external) : "",
        });
    }
    return { exposed, bindings };
}

function binds(value: Value | undefined): string[] {
    return maps(value)
        .filter((volume) => volume.containerPath && (volume.hostPath || volume.volumeName))
        .map(
            (volume) =>
                `${volume.hostPath ?? volume.volumeName}:${volume.containerPath}:${volume.readOnly ? "ro" : "rw"}`,
        );
}

function hostConfig(inputs: ValueMap): Api {
    const capabilities = asMap(inputs.capabilities);
    const limit = ({ name, soft, hard }: ValueMap) => ({ Name: name, Soft: soft, Hard: hard });
    const device = ({ hostPath, containerPath, permissions }: ValueMap) => ({
        PathOnHost: hostPath,
        PathInContainer: containerPath ?? hostPath,
        CgroupPermissions: permissions ?? "rwm",
    });
    return {
        Privileged: inputs.privileged === true,
        PublishAllPorts: inputs.publishAllPorts === true,
        RestartPolicy: { Name: inputs.restart ?? "no", MaximumRetryCount: inputs.maxRetryCount ?? 0 },
        Mounts: maps(inputs.mounts).map(mount),
        Binds: binds(inputs.volumes),
        AutoRemove: inputs.rm === true,
        ReadonlyRootfs: inputs.readOnly === true,
        LogConfig: { Type: inputs.logDriver ?? "", Config: stringMap(inputs.logOpts) ?? {} },
        Tmpfs: stringMap(inputs.tmpfs),
        PortBindings: ports(inputs.ports).bindings,
        ExtraHosts: maps(inputs.hosts).map(({ host, ip }) => `${host}:${ip}`),
        Ulimits: maps(inputs.ulimits).map(limit),
        CapAdd: texts(capabilities.adds),
        CapDrop: texts(capabilities.drops),
        Devices: maps(inputs.devices).map(device),
        Dns: texts(inputs.dns),
        DnsOptions: texts(inputs.dnsOpts),
        DnsSearch: texts(inputs.dnsSearches),
        SecurityOpt: texts(inputs.securityOpts),
        Memory: mebibytes(inputs.memory),
        MemoryReservation: mebibytes(inputs.memoryReservation),
        MemorySwap: swapBytes(inputs.memorySwap),
        ShmSize: mebibytes(inputs.shmSize),
        CpuShares: inputs.cpuShares,
        CpusetCpus: inputs.cpuSet,
        CpuPeriod: inputs.cpuPeriod,
        CpuQuota: inputs.cpuQuota,
        NanoCpus: inputs.cpus === undefined ? undefined : Math.round(Number(inputs.cpus) * 1e9),
        NetworkMode: inputs.networkMode ?? "bridge",
        UsernsMode: inputs.usernsMode,
        PidMode: inputs.pidMode,
        IpcMode: inputs.ipcMode,
        CgroupnsMode: inputs.cgroupnsMode,
        Sysctls: stringMap(inputs.sysctls),
        GroupAdd: texts(inputs.groupAdds),
        StorageOpt: stringMap(inputs.storageOpts),
        Runtime: inputs.runtime,
        Init: inputs.init ?? false,
    };
}

export function createBody(inputs: ValueMap): ContainerCreateOptions {
    const labels = maps(inputs.labels).map(({ label, value }) => [String(label), String(value)]);
    const body: Api = {
        name: inputs.name,
        Image: inputs.image,
        Hostname: inputs.hostname ?? "",
        Domainname: inputs.domainname ?? "",
        Tty: inputs.tty === true,
        OpenStdin: inputs.stdinOpen === true,
        Env: texts(inputs.envs),
        Cmd: texts(inputs.command),
        Entrypoint: texts(inputs.entrypoints),
        User: inputs.user ?? "",
        WorkingDir: inputs.workingDir ?? "",
        ExposedPorts: ports(inputs.ports).exposed,
        Labels: Object.fromEntries(labels),
        Healthcheck: healthcheck(inputs.healthcheck),
        StopSignal: inputs.stopSignal,
        StopTimeout: inputs.stopTimeout,
        HostConfig: hostConfig(inputs),
    };
    return JSON.parse(JSON.stringify(body)) as ContainerCreateOptions;
}

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

/** What the daemon tells about a container. */
function observed(info: ContainerInspectInfo): ValueMap {
    const host = info.HostConfig as unknown as Api & { RestartPolicy: Api; LogConfig: Api };
    const config = info.Config as unknown as Api;
    const number = (name: string) => (host[name] as number) ?? 0;
    const text = (value: unknown) => (value as string) ?? "";
    const [adds, drops] = [host.CapAdd as string[] | null, host.CapDrop as string[] | null];
    const swap = number("MemorySwap");
    return {
        bridge: text((info.NetworkSettings as unknown as Api).Bridge),
        capabilities: adds?.length || drops?.length ? { adds: listOrNull(adds), drops: listOrNull(drops) } : null,
        command: (config.Cmd as string[]) ?? [],
        cpuSet: text(host.CpusetCpus),
        cpuShares: number("CpuShares"),
        dns: listOrNull(host.Dns as string[]),
        dnsOpts: listOrNull(host.DnsOptions as string[]),
        dnsSearches: listOrNull(host.DnsSearch as string[]),
        domainname: text(config.Domainname),
        entrypoints: (config.Entrypoint as string[]) ?? [],
        groupAdds: listOrNull(host.GroupAdd as string[]),
        healthcheck: readHealthcheck(config.Healthcheck as Api | undefined),
        hostname: text(config.Hostname),
        hosts: ((host.ExtraHosts as string[]) ?? []).map((entry) => {
            const at = entry.indexOf(":");
            return { host: entry.slice(0, at), ip: entry.slice(at + 1) };
        }),
        id: info.Id,
        image: info.Image,
        init: host.Init === true,
        ipcMode: text(host.IpcMode),
        logDriver: text(host.LogConfig.Type),
        maxRetryCount: (host.RestartPolicy.MaximumRetryCount as number) ?? 0,
        memory: Math.floor(number("Memory") / MIB),
        memoryReservation: Math.floor(number("MemoryReservation") / MIB),
        memorySwap: swap > 0 ? Math.floor(swap / MIB) : swap,
        mounts: ((host.Mounts as Api[]) ?? []).map(readMount),
        name: info.Name.replace(/^\//, ""),
        networkDatas: readNetworks((info.NetworkSettings as unknown as Api).Networks as Api | undefined),
        networkMode: text(host.NetworkMode),
        platform: info.Platform || "linux",
        privileged: host.Privileged === true,
        publishAllPorts: host.PublishAllPorts === true,
        readOnly: host.ReadonlyRootfs === true,
        restart: text(host.RestartPolicy.Name),
        rm: host.AutoRemove === true,
        runtime: text(host.Runtime),
        securityOpts: (host.SecurityOpt as string[]) ?? [],
        shmSize: Math.floor(number("ShmSize") / MIB),
        stdinOpen: config.OpenStdin === true,
        stopSignal: text(config.StopSignal),
        stopTimeout: (config.StopTimeout as number) ?? 0,
        sysctls: mapOrNull(host.Sysctls as object),
        tmpfs: mapOrNull(host.Tmpfs as object),
        tty: config.Tty === true,
        user: text(config.User),
        usernsMode: text(host.UsernsMode),
        workingDir: text(config.WorkingDir),
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
