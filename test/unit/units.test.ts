import { describe, expect, it } from "vitest";
import {
    bytes,
    goDuration,
    mebibytes,
    parseDuration,
    parseSize,
    prometheusDuration,
    seconds,
} from "../../components/units";

describe("a duration", () => {
    it.each([
        ["250ms", 250],
        ["10s", 10_000],
        ["1.5s", 1500],
        ["1m30s", 90_000],
        ["2h", 7_200_000],
        ["15d", 1_296_000_000],
        ["0s", 0],
    ])("%s is %d milliseconds", (text, milliseconds) => {
        expect(parseDuration(text)).toBe(milliseconds);
    });

    it.each(["", "10", "s", "ten seconds", "10 s", "-5s", "5S", "1y", "1w", "5s later", "1,5s", "0x5s"])(
        '"%s" is none',
        (text) => {
            expect(parseDuration(text)).toBeUndefined();
        },
    );

    it.each([
        ["0s", "0s"],
        ["250ms", "250ms"],
        ["1500ms", "1.5s"],
        ["10s", "10s"],
        ["60s", "1m0s"],
        ["120s", "2m0s"],
        ["1m30s", "1m30s"],
        ["1h", "1h0m0s"],
        ["15d", "360h0m0s"],
    ])("%s is given to Docker as %s, the only spelling that it gives back", (text, canonical) => {
        expect(goDuration(text)).toBe(canonical);
    });

    it.each([
        ["0s", "0s", "0s"],
        ["5s", "5s", "5s"],
        ["90s", "1m30s", "1m30s"],
        ["1500ms", "1s500ms", "1s500ms"],
        ["2h", "2h", "2h"],
        ["15d", "15d", "360h"],
        ["24h", "1d", "24h"],
        ["90d", "90d", "2160h"],
    ])("%s is given to Prometheus as %s, and as %s to programs without days", (text, days, hours) => {
        expect(prometheusDuration(text)).toBe(days);
        expect(prometheusDuration(text, "h")).toBe(hours);
    });

    it("is given to Keepalived in seconds, with a fraction where there is one", () => {
        expect([seconds("1s"), seconds("200ms"), seconds("1m")]).toEqual([1, 0.2, 60]);
    });

    it("that does not parse is never guessed", () => {
        const message = '"soon" is not a duration; write a number and a unit, such as "10s" or "2h"';
        for (const form of [goDuration, prometheusDuration, seconds]) expect(() => form("soon")).toThrow(message);
    });
});

describe("a size", () => {
    it.each([
        ["512B", 512],
        ["1KiB", 1024],
        ["1.5GiB", 1_610_612_736],
        ["4GiB", 4_294_967_296],
        ["4 GiB", 4_294_967_296],
        ["2TiB", 2_199_023_255_552],
    ])("%s is %d bytes", (text, count) => {
        expect(parseSize(text)).toBe(count);
        expect(bytes(text)).toBe(count);
    });

    it.each(["", "4", "4GB", "4G", "4gib", "GiB", "-1GiB", "4GiB!"])('"%s" is none', (text) => {
        expect(parseSize(text)).toBeUndefined();
        expect(() => bytes(text)).toThrow(`"${text}" is not a size; write a number and a unit, such as "4GiB"`);
    });

    it("is given to the collector in whole MiB", () => {
        expect([mebibytes("4GiB"), mebibytes("1500KiB"), mebibytes("1GiB")]).toEqual([4096, 1, 1024]);
    });
});
