// Requests that a front and a back might cut in different places, so that a part of the one becomes a request of its own.
import { jsonMetric } from "./bodies";

/** Name of the metric that must never arrive. */
export const SMUGGLED = "smuggled_metric";

export interface Smuggling {
    name: string;
    text: string;
    /** The whole conversation, as `told` has it. */
    answer: string;
}

type Request = (method: string, headers: string, body?: string, path?: string) => string;

const JSON_TYPE = "Content-Type: application/json\r\n";
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

/** All that are tried. `request` writes one with what lets it in. */
export function smuggling(request: Request): Smuggling[] {
    const metric = jsonMetric(SMUGGLED);
    const inner = request("POST", `${JSON_TYPE}Content-Length: ${metric.length}\r\n`, metric);
    const outer = (headers: string, body: string): string => request("POST", JSON_TYPE + headers, body);
    const chunked = chunk("{}") + "0\r\n\r\n";
    return [
        // The length says: to the end. The chunks end before the inner one.
        {
            name: "CL.TE",
            text: outer(
                `Content-Length: ${chunked.length + inner.length}\r\nTransfer-Encoding: chunked\r\n`,
                chunked + inner,
            ),
            answer: "200 closed",
        },
        // The length ends after the first chunk's size: the chunk is the inner one.
        {
            name: "TE.CL",
            text: outer("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", `${chunk(inner)}0\r\n\r\n`),
            answer: "400 closed",
        },
        {
            name: "TE.TE, the second one unknown",
            text: outer(
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\nContent-Length: 4\r\n",
                `${chunk(inner)}0\r\n\r\n`,
            ),
            answer: "400 closed",
        },
        {
            name: "TE with a space before its colon",
            text: outer("Transfer-Encoding : chunked\r\nContent-Length: 4\r\n", `${chunk(inner)}0\r\n\r\n`),
            answer: "400 closed",
        },
        {
            name: "TE with a vertical tab",
            text: outer("Transfer-Encoding: \u000bchunked\r\nContent-Length: 4\r\n", `${chunk(inner)}0\r\n\r\n`),
            answer: "400 closed",
        },
        {
            name: "TE in the second line of a header",
            text: outer("X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "{}"),
            answer: "200 open",
        },
        {
            name: "two lengths that differ",
            text: outer(`Content-Length: 2\r\nContent-Length: ${2 + inner.length}\r\n`, `{}${inner}`),
            answer: "400 closed",
        },
        {
            name: "two lengths in one header",
            text: outer(`Content-Length: 2, ${2 + inner.length}\r\n`, `{}${inner}`),
            answer: "400 closed",
        },
        { name: "a length with a sign", text: outer("Content-Length: +2\r\n", `{}`), answer: "400 closed" },
        { name: "a length in hexadecimal", text: outer("Content-Length: 0x2\r\n", `{}`), answer: "400 closed" },
        {
            name: "a chunk whose size is too large for any number",
            text: outer("Transfer-Encoding: chunked\r\n", `ffffffffffffffff2\r\n{}\r\n0\r\n\r\n${inner}`),
            answer: "400 closed",
        },
        {
            name: "a chunk that is longer than it says",
            text: outer("Transfer-Encoding: chunked\r\n", `2\r\n{}${inner}0\r\n\r\n`),
            answer: "400 closed",
        },
        {
            name: "another host in the request line",
            text: `POST http://other/v1/metrics HTTP/1.1\r\nHost: here\r\n${JSON_TYPE}Content-Length: 2\r\n\r\n{}`,
            answer: "400 closed",
        },
        {
            name: "an upgrade to h2c",
            text: outer(
                "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nContent-Length: 2\r\n",
                "{}",
            ),
            answer: "200 open",
        },
        {
            name: "a carriage return within a header",
            text: outer(`X: y\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n`, "{}"),
            answer: "400 closed",
        },
        {
            name: "a zero within a header",
            text: outer(`X: y\u0000z\r\nContent-Length: 2\r\n`, "{}"),
            answer: "400 closed",
        },
        { name: "a name with a line end", text: outer(`X\n: y\r\nContent-Length: 2\r\n`, "{}"), answer: "400 closed" },
        { name: "HTTP/0.9", text: "POST /v1/metrics\r\n\r\n", answer: "400 closed" },
    ];
}
