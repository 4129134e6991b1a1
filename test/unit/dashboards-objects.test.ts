import { describe, expect, it } from "vitest";
import { dashboardsObjects } from "../../components/dashboards-objects";
import { TELEMETRY_INDICES } from "../../components/data-prepper-pipelines";
import { CHART, OBJECT } from "./support/dashboards-schema";
import { problems } from "./support/schema";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any;

const text = dashboardsObjects(TELEMETRY_INDICES);
const parsed = (): Any[] =>
    text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
const of = (type: string): Any[] => parsed().filter((one) => one.type === type);
const state = (one: Any): Any => JSON.parse(one.attributes.visState);
const charts = (): Any[] =>
    of("visualization")
        .map(state)
        .filter(({ type }) => type === "metrics")
        .map(({ params }) => params);

describe("objects of Dashboards", () => {
    it("are these", async () => {
        const readable = parsed().map(({ attributes, ...one }) => ({
            ...one,
            attributes: Object.fromEntries(
                Object.entries(attributes).map(([key, value]) => [
                    key,
                    /JSON$|State$/.test(key) ? JSON.parse(value as string) : value,
                ]),
            ),
        }));
        await expect(`${JSON.stringify(readable, undefined, 2)}\n`).toMatchFileSnapshot(
            "__snapshots__/apm1/opensearch-dashboards/objects.json",
        );
    });

    it("have only fields that Dashboards knows, of the right types; a misspelt one is found", () => {
        expect(parsed().flatMap((one) => problems(one, OBJECT, one.id))).toEqual([]);
        expect(charts().flatMap((one) => problems(one, CHART, one.id))).toEqual([]);
        const wrong = charts()[0];
        wrong.series[0].chartType = "bar";
        wrong.series[0].metrics[0].type = "maximum";
        wrong.show_grid = true;
        delete wrong.interval;
        expect(problems(wrong, CHART)).toEqual([
            "interval: missing",
            expect.stringContaining('series[0].metrics[0].type: "maximum" is none of count,'),
            "series[0].chartType: unknown",
            "show_grid: true is none of 0, 1",
        ]);
    });

    it("begin with kind and id, as objects.sh reads them", () => {
        for (const line of text.trimEnd().split("\n")) expect(line).toMatch(/^\{"type":"[a-z-]+","id":"[a-z-]+",/);
        const ids = parsed().map(({ type, id }) => `${type} ${id}`);
        expect(new Set(ids).size).toBe(ids.length);
    });

    it("refer only to others of them, before themselves", () => {
        const seen: string[] = [];
        for (const { type, id, references } of parsed()) {
            for (const one of references) expect(seen).toContain(`${one.type} ${one.id}`);
            seen.push(`${type} ${id}`);
        }
    });

    it("have a panel for each chart, on their dashboard's 48 columns and side by side", () => {
        for (const { attributes, references } of of("dashboard")) {
            const panels = JSON.parse(attributes.panelsJSON) as Any[];
            expect(panels.map(({ panelRefName }) => panelRefName)).toEqual(references.map(({ name }: Any) => name));
            const cells = panels.flatMap(({ gridData: { x, y, w } }) =>
                Array.from({ length: w }, (_, at) => `${x + at} ${y}`),
            );
            expect(new Set(cells).size).toBe(cells.length);
            for (const { gridData } of panels) expect(gridData.x + gridData.w).toBeLessThanOrEqual(48);
        }
        const used = of("dashboard").flatMap(({ references }) => references.map(({ id }: Any) => id));
        const unused = of("visualization").filter(({ id }) => !used.includes(id));
        expect(unused.map(({ id }) => id)).toEqual(["otel-ha-about"]);
    });

    it("are of one hash, which another index or chart changes", () => {
        const hash = (all: string): string[] => all.match(/otel-ha [0-9a-f]{64}/g) ?? [];
        expect(hash(text)).toHaveLength(1);
        expect(dashboardsObjects(TELEMETRY_INDICES)).toBe(text);
        expect(hash(dashboardsObjects({ ...TELEMETRY_INDICES, logs: "others" }))).not.toEqual(hash(text));
    });

    it("know all four kinds of telemetry", () => {
        expect(of("index-pattern").map(({ attributes }) => [attributes.title, attributes.timeFieldName])).toEqual([
            ["otel-v1-apm-span*", "startTime"],
            ["otel-v1-apm-service-map*", undefined],
            ["otel-logs*", "time"],
            ["otel-metrics*", "time"],
        ]);
    });

    it("show an outage by arrival and by the time of events: a counter's rise, and documents", () => {
        const [arrival, events] = ["arrival", "events"].map((name) =>
            charts().find(({ id }) => id === `otel-ha-ingest-${name}`),
        );
        expect(arrival.series[0].metrics.map(({ type, field }: Any) => [type, field])).toEqual([
            ["max", "value"],
            ["derivative", "arrival-0-value"],
            ["positive_only", "arrival-0-rise"],
        ]);
        expect(
            events.series.map((one: Any) => [
                one.metrics[0].type,
                one.series_index_pattern ?? events.index_pattern,
                one.series_time_field ?? events.time_field,
            ]),
        ).toEqual([
            ["count", "otel-v1-apm-span*", "startTime"],
            ["count", "otel-logs*", "time"],
            ["count", "otel-metrics*", "time"],
        ]);
    });
});
