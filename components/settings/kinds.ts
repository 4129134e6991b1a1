import { certificates, normalPem, privateKey } from "../pem";
import { parseDuration, parseSize } from "../units";
import { Kind } from "./keys";

/** Reads the text of one setting. */
interface Reader {
    /** The value, or undefined when the text is not one. */
    read: (text: string) => string | number | boolean | undefined;
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

const OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const NETWORK = `(${OCTET}\\.){3}${OCTET}/(3[0-2]|[12]?\\d)`;

export const READERS: Record<Kind, Reader> = {
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
    count: integer(1, 999_999_999, "a count; write a whole number above 0"),
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
    path: text(/^(\/[\w.-]+)+$/, 'an absolute path; write one such as "/data/volume/otel"'),
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
    retention: {
        read: (value) => (parseDuration(value) === undefined ? undefined : value),
        wanted: 'a retention; write a number and one of h, d, such as "90d", or "0d" for ever',
    },
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
