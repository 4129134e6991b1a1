// From the properties of docker:index:Container to what the Docker API wants.
import type { ContainerCreateOptions } from "dockerode";
import { isMap, Value, ValueMap } from "../values";
import { parseDuration } from "./durations";

export const MIB = 1024 * 1024;
export type Api = Record<string, unknown>;

const texts = (value: Value | undefined) => (Array.isArray(value) ? value.map(String) : undefined);
const maps = (value: Value | undefined) => (Array.isArray(value) ? value.filter(isMap) : []);
const asMap = (value: Value | undefined): ValueMap => (isMap(value) ? value : {});
const mebibytes = (value: Value | undefined) => (value === undefined ? undefined : Number(value) * MIB);
const stringMap = (value: Value | undefined) =>
    isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)])) : undefined;

/** -1 means "no limit" and is no size. */
const swapBytes = (value: Value | undefined) =>
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

function resources(inputs: ValueMap): Api {
    const limit = ({ name, soft, hard }: ValueMap) => ({ Name: name, Soft: soft, Hard: hard });
    const device = ({ hostPath, containerPath, permissions }: ValueMap) => ({
        PathOnHost: hostPath,
        PathInContainer: containerPath ?? hostPath,
        CgroupPermissions: permissions ?? "rwm",
    });
    return {
        Memory: mebibytes(inputs.memory),
        MemoryReservation: mebibytes(inputs.memoryReservation),
        MemorySwap: swapBytes(inputs.memorySwap),
        ShmSize: mebibytes(inputs.shmSize),
        CpuShares: inputs.cpuShares,
        CpusetCpus: inputs.cpuSet,
        CpuPeriod: inputs.cpuPeriod,
        CpuQuota: inputs.cpuQuota,
        NanoCpus: inputs.cpus === undefined ? undefined : Math.round(Number(inputs.cpus) * 1e9),
        Ulimits: maps(inputs.ulimits).map(limit),
        Devices: maps(inputs.devices).map(device),
        StorageOpt: stringMap(inputs.storageOpts),
    };
}

function network(inputs: ValueMap): Api {
    return {
        NetworkMode: inputs.networkMode ?? "bridge",
        PublishAllPorts: inputs.publishAllPorts === true,
        PortBindings: ports(inputs.ports).bindings,
        ExtraHosts: maps(inputs.hosts).map(({ host, ip }) => `${host}:${ip}`),
        Dns: texts(inputs.dns),
        DnsOptions: texts(inputs.dnsOpts),
        DnsSearch: texts(inputs.dnsSearches),
    };
}

function security(inputs: ValueMap): Api {
    const capabilities = asMap(inputs.capabilities);
    return {
        Privileged: inputs.privileged === true,
        ReadonlyRootfs: inputs.readOnly === true,
        CapAdd: texts(capabilities.adds),
        CapDrop: texts(capabilities.drops),
        SecurityOpt: texts(inputs.securityOpts),
        GroupAdd: texts(inputs.groupAdds),
        UsernsMode: inputs.usernsMode,
        PidMode: inputs.pidMode,
        IpcMode: inputs.ipcMode,
        CgroupnsMode: inputs.cgroupnsMode,
        CgroupParent: inputs.cgroupParent,
        Sysctls: stringMap(inputs.sysctls),
    };
}

function hostConfig(inputs: ValueMap): Api {
    return {
        ...resources(inputs),
        ...network(inputs),
        ...security(inputs),
        RestartPolicy: restartPolicy(inputs),
        Mounts: maps(inputs.mounts).map(mount),
        Binds: binds(inputs.volumes),
        Tmpfs: stringMap(inputs.tmpfs),
        AutoRemove: inputs.rm === true,
        LogConfig: { Type: inputs.logDriver ?? "", Config: stringMap(inputs.logOpts) ?? {} },
        Runtime: inputs.runtime,
        Init: inputs.init ?? false,
    };
}

const restartPolicy = (inputs: ValueMap) => ({
    Name: inputs.restart ?? "no",
    MaximumRetryCount: inputs.maxRetryCount ?? 0,
});

/** What can be changed while the container runs. */
export function updateBody(inputs: ValueMap): Api {
    return {
        RestartPolicy: restartPolicy(inputs),
        CpuShares: inputs.cpuShares,
        Memory: mebibytes(inputs.memory ?? 0),
        MemoryReservation: mebibytes(inputs.memoryReservation ?? 0),
        MemorySwap: swapBytes(inputs.memorySwap),
        CpusetCpus: inputs.cpuSet,
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
