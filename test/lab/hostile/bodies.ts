// Request bodies that nobody sends who means well.
import { gzipSync } from "node:zlib";

const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

/** A field of protobuf that has a length. */
export function field(number: number, content: Uint8Array): Buffer {
    return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

function varint(value: number): Buffer {
    const bytes: number[] = [];
    for (; value > 127; value = Math.floor(value / 128)) bytes.push(value % 128 | 128);
    return Buffer.from([...bytes, value]);
}

/** A request with one log record, whose fields are given. Also what metrics look like from outside. */
export const logRequest = (record: Uint8Array, resource: Uint8Array = new Uint8Array()): Buffer =>
    field(1, Buffer.concat([field(1, resource), field(2, field(2, record))]));

/** The resource attribute service.name. */
export const service = (name: string): Buffer =>
    field(1, Buffer.concat([field(1, Buffer.from("service.name")), field(2, field(1, Buffer.from(name)))]));

/** Time and text of a log record. */
export function logRecord(text: string, at = Date.now()): Buffer {
    const time = Buffer.alloc(9);
    time.writeUInt8((1 << 3) | 1);
    time.writeBigUInt64LE(BigInt(at) * 1_000_000n, 1);
    return Buffer.concat([time, field(5, field(1, Buffer.from(text)))]);
}

/** An array that holds an array that holds an array …, as a log record's body. */
export function nested(depth: number): Buffer {
    const heads: Buffer[] = [];
    let length = 0;
    for (let level = 0; level < depth * 2; level++) {
        const head = Buffer.concat([Buffer.from([level % 2 === 0 ? 0x0a : 0x2a]), varint(length)]);
        heads.push(head);
        length += head.length;
    }
    return field(5, Buffer.concat(heads.reverse()));
}

/** A gigabyte of zeros per megabyte: gzip knows streams of several members. */
export function gzipOfZeros(gibibytes: number): Buffer {
    const member = gzipSync(Buffer.alloc(2 ** 20), { level: 9 });
    return Buffer.concat(Array.from({ length: gibibytes * 1024 }, () => member));
}

/** Small when packed, four megabytes when not, and a hundred times that as structures in memory: nothing but empty attributes. */
export const swelling = (mebibytes: number): Buffer =>
    gzipSync(logRequest(Buffer.alloc(mebibytes * 2 ** 20 - 64, Buffer.from([0x32, 0x00]))));

/** OTLP/JSON with one log line. */
export function jsonLog(name: string, text: string, attributes: unknown[] = []): string {
    const resource = { attributes: [{ key: "service.name", value: { stringValue: name } }] };
    const logRecords = [{ timeUnixNano: `${Date.now()}000000`, body: { stringValue: text }, attributes }];
    return JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] });
}

/** OTLP/JSON with one data point. */
export function jsonMetric(name: string): string {
    const resource = { attributes: [{ key: "service.name", value: { stringValue: name } }] };
    const gauge = { dataPoints: [{ asDouble: 1, timeUnixNano: `${Date.now()}000000` }] };
    return JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [{ name, gauge }] }] }] });
}

/** A body, and what must be answered. */
export interface Hostile {
    name: string;
    headers: Record<string, string>;
    body: Uint8Array | string;
    status: number;
}

const attributes = Array.from({ length: 10_000 }, (_, index) => ({
    key: `attribute_${index}`,
    value: { stringValue: "x" },
}));

const record = logRequest(logRecord("whole"), service("hostile"));
const plain = (name: string, type: string, body: Uint8Array | string, status = 400): Hostile => {
    return { name, headers: { "content-type": type }, body, status };
};
const packed = (name: string, encoding: string, body: Uint8Array, status = 400): Hostile => {
    return { name, headers: { "content-type": PROTOBUF, "content-encoding": encoding }, body, status };
};

/** Bodies that can be had at once. */
export const hostileBodies = (): Hostile[] => [
    plain("protobuf that ends too early", PROTOBUF, record.subarray(0, record.length - 10)),
    plain("JSON that ends too early", JSON_TYPE, jsonLog("hostile", "half").slice(0, -20)),
    plain("noise as protobuf", PROTOBUF, Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7919) % 251))),
    plain("noise as JSON", JSON_TYPE, "\u0000\u0001{[}]"),
    plain("JSON of brackets, a hundred thousand deep", JSON_TYPE, "[".repeat(100_000)),
    plain(
        "OTLP/JSON that is fifty thousand deep",
        JSON_TYPE,
        jsonLog("hostile", "x").replace('{"stringValue":"x"}', `${'{"arrayValue":{"values":['.repeat(50_000)}`),
    ),
    plain("a type that is none", "text/html", record, 415),
    plain("no type", "", record, 415),
    packed("an encoding that is none", "br", record),
    packed("gzip that is none", "gzip", record),
    packed("gzip that ends too early", "gzip", gzipSync(record).subarray(0, -12)),
    packed("a gzip bomb of 2 GiB", "gzip", gzipOfZeros(2)),
    packed("snappy that says it is 4 GiB", "snappy", Buffer.from([255, 255, 255, 255, 15, 0, 0, 0])),
    packed("zstd", "zstd", Buffer.from("28b52ffd0098000000", "hex")),
    plain("10,000 attributes", JSON_TYPE, jsonLog("hostile", "many attributes", attributes), 200),
    plain("a body that is 5,000 deep", PROTOBUF, logRequest(nested(5000), service("hostile")), 200),
];
