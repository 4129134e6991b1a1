import * as pulumi from "@pulumi/pulumi";
import { HealthCheck } from "./container-service";
import { Host, PortUse } from "./host";
import { Duration } from "./units";

/** What every service of the stack is told. */
export interface ServiceSettings {
    /** Name of the node in its pair; part of the container's name. @example "mid-1" */
    node: string;
    /** Directory on the host with one folder of configuration per service. @default "/data/docker/otel" (the seed's) */
    configDir?: string;
    /** Interval of Docker's health checks. @default "10s" (the seed's) */
    healthCheckInterval?: Duration;
    /** Time after a start in which failed health checks do not count. @default "120s" (the seed's) */
    healthCheckStartPeriod?: Duration;
    /** Time after which a service that is not healthy fails the deployment. @default "120s" */
    readyTimeout?: Duration;
    /**
     * Longest absence of the other host that may cost nothing: queues are sized for it, and back ends take data that is as old. @default "6h"
     */
    maxPeerOutage?: Duration;
    /**
     * Address that its ports are on. "127.0.0.1": HAProxy serves them to other hosts, see {@link HaproxyTlsSettings}; it, Keepalived and the object store
     * themselves do not look at this. @default "0.0.0.0": in the clear, to whoever reaches the host
     */
    listen?: string;
}

/** Arguments of the component of a service with settings S. */
export interface ServiceArgs<S> {
    /** Where it runs. */
    host: Host;
    /** Plain values, so that they are checked, and rendered into line diffs, before anything is touched. */
    settings: S;
    /** Its container starts when these are healthy. */
    after?: pulumi.Input<pulumi.Resource>[];
}

export const SERVICE_DEFAULTS = {
    configDir: "/data/docker/otel",
    healthCheckInterval: "10s",
    healthCheckStartPeriod: "120s",
    readyTimeout: "120s",
    maxPeerOutage: "6h",
    listen: "0.0.0.0",
};

/** Reached by the host itself only. */
export const LOOPBACK = "127.0.0.1";

/** How HAProxy lets others in where it uses TLS. */
export const ACCESS = {
    admins: "TLS; the administrator's password or the other node's certificate",
    peer: "TLS; the other node's certificate",
};

/** The same for a port of a service, which HAProxy serves when the service is on loopback. */
export function access({ listen }: ServiceSettings, who: keyof typeof ACCESS): Pick<PortUse, "access"> {
    return { access: listen === LOOPBACK ? ACCESS[who] : undefined };
}

/** A health check at the pace that the settings ask for. */
export function healthCheck(settings: ServiceSettings, command: string): HealthCheck {
    const { healthCheckInterval, healthCheckStartPeriod } = { ...SERVICE_DEFAULTS, ...settings };
    return { command, interval: healthCheckInterval, startPeriod: healthCheckStartPeriod };
}

/** Succeeds when the URL answers 2xx; for images with busybox, which all of ours but HAProxy's have. */
export function httpCheck(url: string): string {
    return `wget -q -O /dev/null ${url}`;
}

/**
 * Shell command on the host that sends a signal to a container's main process. Not `docker kill --signal`: that marks the container as stopped by
 * hand, and with the restart policy `unless-stopped` it does not come back after a reboot of the host (seen with Docker 20.10).
 * Between two starts the process is 0, and a signal to that would go to whoever sends it.
 */
export function sendSignal(signal: string, container: string): string {
    return `pid=$(docker inspect --format '{{.State.Pid}}' ${container}) && [ "$pid" -gt 1 ] && kill -s ${signal} "$pid"`;
}

/** Settings over defaults; a setting that is undefined does not hide its default. */
export function withDefaults<S extends object, D extends object>(
    settings: S,
    defaults: D,
): S & D & typeof SERVICE_DEFAULTS {
    const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
    return { ...SERVICE_DEFAULTS, ...defaults, ...given } as unknown as S & D & typeof SERVICE_DEFAULTS;
}
