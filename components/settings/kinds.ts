import { APM_SECRET_NAMES } from "../apm-credentials";
import { APM_DEFAULTS, ApmOptions } from "../apm-options";
import { Generations, ISSUING, OVERLAPPING, SECRET_NAMES } from "../generations";
import { certificates, normalPem, privateKey } from "../pem";
import { parseDuration, parseSize } from "../units";
import { Kind, Value } from "./key";

/** Reads the text of one setting. */
interface Reader {
    /** The value, or undefined when the text is not one. */
    read: (text: string) => Value | undefined;
    /** Completes "is not …; write …". */
    wanted: string;
}

const text = (pattern: RegExp, wanted: string): Reader => ({
    read: (value) => (pattern.test(value) ? value : undefined),
    wanted,
});

const integer = (least: number, most: number, wanted: string): Reader => ({
    read: (value) =>
        /^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most ? Number(value) : undefined,
    wanted,
});

// An object of the settings comes as JSON; its numbers may be text, as from a file that somebody has written.
const generations = (names: readonly string[], wanted: string): Reader => ({
    read: (value) => {
        const all = object(value);
        if (!all || !Object.keys(all).every((name) => names.includes(name))) return undefined;
        const numbers = Object.entries(all).map(([name, number]) => [name, COUNT.read(String(number))]);
        return numbers.some(([, number]) => number === undefined)
            ? undefined
            : (Object.fromEntries(numbers) as Generations<string>);
    },
    wanted: `${wanted}; write whole numbers above 0 for ${names.length > 1 ? "any of " : ""}${names.join(", ")}, as in: pulumi config set --path KEY.${names.at(-1)} 2`,
});

function object(text: string): Record<string, unknown> | undefined {
    try {
        const value: unknown = JSON.parse(text);
        return typeof value === "object" && value !== null && !Array.isArray(value)
            ? (value as Record<string, unknown>)
            : undefined;
    } catch {
        return undefined;
    }
}

// Likewise an object; what it does not say is as by default.
function apmOptions(text: string): ApmOptions | undefined {
    const { ingest = APM_DEFAULTS.ingest, ...unknown } = object(text) ?? { unreadable: text };
    if ((ingest !== "data-prepper" && ingest !== "direct") || Object.keys(unknown).length > 0) return undefined;
    return { ingest };
}

const COUNT = integer(1, 999_999_999, "a count; write a whole number above 0");

const OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const ADDRESS = `(${OCTET}\\.){3}${OCTET}`;
const NODE = `[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?=${ADDRESS}`;
const NETWORK = `(${OCTET}\\.){3}${OCTET}/(3[0-2]|[12]?\\d)`;

export const READERS: Record<Kind, Reader> = {
    system: text(
        /^(otel-ha|apm)$/,
        "a system; write otel-ha (the two-host platform) or apm (Container APM on three hosts)",
    ),
    ipv4: text(
        new RegExp(`^(${OCTET}\\.){3}${OCTET}$`),
        'an IPv4 address; write four numbers, such as "192.168.110.214"',
    ),
    name: text(
        /^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/,
        'a name; write lower-case letters, digits and "-", such as "mid-1"',
    ),
    hostname: text(
        /^([A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?)?$/,
        'a host name; write one such as "ish-otel-mid-1.novalocal"',
    ),
    optionalText: text(/^\S*$/, "one word; leave out the spaces"),
    role: text(/^(MASTER|BACKUP)$/, "a role; write MASTER or BACKUP"),
    priority: integer(1, 254, "a VRRP priority; write a number from 1 to 254"),
    routerId: integer(1, 255, "a virtual router id; write a number from 1 to 255"),
    port: integer(1, 65535, "a port; write a number from 1 to 65535"),
    count: COUNT,
    number: integer(0, 999_999_999, "a number; write a whole number, 0 or more"),
    duration: {
        read: (value) => ((parseDuration(value) ?? 0) > 0 ? value : undefined),
        wanted: 'a duration; write a number and one of ms, s, m, h, d, such as "10s" or "2h"',
    },
    delay: {
        read: (value) => (parseDuration(value) === undefined ? undefined : value),
        wanted: 'a duration; write a number and one of ms, s, m, h, d, such as "5m", or "0s"',
    },
    size: {
        read: (value) => ((parseSize(value) ?? 0) > 0 ? value : undefined),
        wanted: 'a size; write a number and one of B, KiB, MiB, GiB, TiB, such as "4GiB"',
    },
    heap: {
        read: (value) => (value === "auto" || (parseSize(value) ?? 0) >= 2 ** 20 ? value : undefined),
        wanted: 'a size of a heap; write a number and one of MiB, GiB, such as "2GiB", or auto for half of the memory limit',
    },
    percentage: text(/^[1-9]?\d%$/, 'a percentage; write one from 0% to 99%, such as "85%"'),
    path: text(/^(\/[\w.-]+)+$/, 'an absolute path; write one such as "/data/volume/otel"'),
    optionalPath: text(/^((\/[\w.-]+)+)?$/, 'an absolute path; write one such as "/mnt/snapshots"'),
    filePath: text(
        /^[\w~./@+-]*$/,
        'a path to a file; write one such as "~/.ssh/id_ed25519", or "" to use the SSH agent',
    ),
    registry: text(
        /^([\w.-]+(:\d+)?(\/[\w.-]+)*)?$/,
        'a registry; write one such as "registry.example:5000/otel", without "https://" before or "/" behind it',
    ),
    image: text(
        /^[\w.-]+(:\d+)?(\/[\w.-]+)*(:[\w.-]+)(@sha256:[0-9a-f]{64})?$/,
        'an image with a tag; write one such as "prom/prometheus:v3.7.3"',
    ),
    bucket: text(
        /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
        'a bucket name; write 3 to 63 lower-case letters, digits and "-", such as "loki-data"',
    ),
    optionalBucket: text(
        /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$/,
        'a bucket name; write 3 to 63 lower-case letters, digits and "-", such as "apm-snapshots"',
    ),
    user: text(/^[A-Za-z_][\w-]{2,31}$/, 'a user name; write 3 to 32 letters, digits, "_" or "-", such as "admin"'),
    hostKey: text(
        /^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]{40,}={0,3}( .*)?$/,
        'a public host key; write the line of /etc/ssh/ssh_host_ed25519_key.pub of the host, "ssh-ed25519 AAAA…" (RSA keys are not supported)',
    ),
    interface: text(/^[\w.@-]{1,15}$/, 'a network interface; write one such as "eth0"'),
    version: text(/^\d+(\.\d+)*$/, 'a version; write one such as "20.10"'),
    storeMode: text(
        /^(pooled|mirrored|external)$/,
        "a way to keep objects; write pooled (one store over both hosts), mirrored (one store on each) or external (some S3 store)",
    ),
    endpoint: text(
        /^([A-Za-z0-9]([\w.-]*\w)?:\d{1,5})?$/,
        'an S3 endpoint; write host and port, such as "s3.example:443", without "https://"',
    ),
    region: text(/^[\w-]{1,64}$/, 'an S3 region; write one such as "us-east-1"'),
    accessKey: text(/^[A-Za-z0-9][\w.-]{1,127}$/, 'an access key; write 2 to 128 letters, digits, "_", "." or "-"'),
    optionalAccessKey: text(
        /^([A-Za-z0-9][\w.-]{1,127})?$/,
        'an access key; write 2 to 128 letters, digits, "_", "." or "-"',
    ),
    retention: {
        read: (value) => (parseDuration(value) === undefined ? undefined : value),
        wanted: 'a retention; write a number and one of h, d, such as "90d", or "0d" for ever',
    },
    generations: generations(SECRET_NAMES, "a generation for each of some secrets"),
    apmGenerations: generations(APM_SECRET_NAMES, "a generation for each of some secrets"),
    overlaps: generations(OVERLAPPING, "the oldest generation of secrets whose old values are still accepted"),
    issuers: generations(ISSUING, "the generation that signs"),
    storeSecret: text(/^([\w+/=.~-]{8,128})?$/, "usable; write 8 to 128 letters, digits or some of _ + / = . ~ -"),
    secret: text(/^([A-Za-z0-9_-]{8,64})?$/, 'usable; write 8 to 64 letters, digits, "_" or "-"'),
    vrrpVersion: integer(2, 3, "a VRRP version; write 2 or 3"),
    dataPath: text(/^(durable|seed)$/, "a data path; write durable or, for comparison only, seed"),
    urls: text(
        /^(https?:\/\/[\w.-]+(:\d+)?(\/[\w./-]*)?(,https?:\/\/[\w.-]+(:\d+)?(\/[\w./-]*)?)*)?$/,
        'a list of addresses; write them with commas, such as "http://192.168.110.214:4328,http://192.168.110.119:4328"',
    ),
    networks: text(
        new RegExp(`^(${NETWORK}(,${NETWORK})*)?$`),
        'a list of IPv4 networks; write them as CIDR, with commas, such as "192.168.110.0/24,10.8.0.7/32"',
    ),
    names: text(
        /^([a-z0-9][a-z0-9-]{0,30}(,[a-z0-9][a-z0-9-]{0,30})*)?$/,
        'a list of names; write lower-case letters, digits and "-", with commas, such as "web-shop,billing"',
    ),
    nodes: text(
        new RegExp(`^${NODE}(,${NODE})*$`),
        'a list of nodes; write names with addresses, with commas, such as "apm-1=192.168.110.231,apm-2=192.168.110.232,apm-3=192.168.110.233"',
    ),
    recovery: text(
        /^(safe|fast)$/,
        "a pace of recovery; write safe (little besides the work that goes on) or fast (for SSDs and 10 Gbit/s)",
    ),
    faultDetection: text(
        /^(default|tuned)$/,
        "a way to find hosts that do not answer; write default (OpenSearch's own) or tuned (within seconds)",
    ),
    formation: text(
        /^(first|never)$/,
        "a way to form a cluster; write first (nodes without data form one, once) or never (they wait for one that has data)",
    ),
    apmOptions: {
        read: apmOptions,
        wanted: "an object of options; write data-prepper or direct for ingest, as in: pulumi config set --path KEY.ingest direct",
    },
    tlsMode: text(
        /^(off|internal|provided)$/,
        "a way to secure connections; write internal (certificates are made), provided (they are given) or off",
    ),
    pem: {
        read: (value) => (value === "" || certificates(value) ? normalPem(value) : undefined),
        wanted: "readable; write certificates as PEM, as in: pulumi config set KEY < certificate.pem",
    },
    keyPem: {
        read: (value) => (value === "" || privateKey(value) ? normalPem(value) : undefined),
        wanted: "readable; write a private key as PEM without a passphrase, as in: pulumi config set --secret KEY < key.pem",
    },
    boolean: {
        read: (value) => (value === "true" ? true : value === "false" ? false : undefined),
        wanted: "a yes or no; write true or false",
    },
};
