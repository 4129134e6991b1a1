/** Three small services that call each other over HTTP: shop takes an order, orders keeps it, stock has the goods. One request is one trace of all three. */
import { context, propagation, SpanKind, SpanStatusCode, type Span } from "@opentelemetry/api";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Telemetry, type Collector } from "./telemetry";

export const SERVICES = ["sample-shop", "sample-orders", "sample-stock"] as const;
export type ServiceName = (typeof SERVICES)[number];

/** What one order makes in each service: spans and log lines. A refused one makes as many. */
export const PER_ORDER: Record<ServiceName, { spans: number; logs: number }> = {
    // The request, its price, the call to orders.
    "sample-shop": { spans: 3, logs: 1 },
    // The request, the call to stock.
    "sample-orders": { spans: 2, logs: 1 },
    // The request.
    "sample-stock": { spans: 1, logs: 1 },
};

/** By which a service says in which trace it has handled a request. */
export const TRACE_HEADER = "x-trace-id";

interface Answer {
    status: number;
    body: object;
}

/** A request that a service handles: within its span, with the order's number. */
type Handler = (service: Service, order: string) => Promise<Answer>;

/** Of every ten orders one finds nothing left: its spans are errors, its lines say so. */
const soldOut = (order: string): boolean => order.endsWith("7");

const HANDLERS: Record<ServiceName, { route: string; handle: Handler }> = {
    "sample-shop": {
        route: "/checkout",
        async handle(service, order) {
            await service.within("price", SpanKind.INTERNAL, () => pause(1));
            const answer = await service.call("sample-orders", "/orders", order);
            service.log(order, answer.status === 200 ? "paid" : "not possible", answer);
            return answer;
        },
    },
    "sample-orders": {
        route: "/orders",
        async handle(service, order) {
            const answer = await service.call("sample-stock", "/reserve", order);
            service.log(order, answer.status === 200 ? "placed" : "refused", answer);
            return answer;
        },
    },
    "sample-stock": {
        route: "/reserve",
        async handle(service, order) {
            await pause(1);
            const answer = soldOut(order)
                ? { status: 409, body: { error: "sold out" } }
                : { status: 200, body: { order } };
            service.log(order, answer.status === 200 ? "reserved" : "sold out", answer);
            return answer;
        },
    },
};

/** One of the services, listening on this machine's loopback. */
export class Service {
    private readonly telemetry: Telemetry;
    private readonly server: Server;
    private port = 0;

    constructor(
        readonly name: ServiceName,
        run: string,
        collector: Collector,
        private readonly others: Map<ServiceName, Service>,
    ) {
        this.telemetry = new Telemetry(name, run, collector);
        this.server = createServer((request, response) => void this.serve(request, response));
        others.set(name, this);
    }

    async start(): Promise<void> {
        await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
        this.port = (this.server.address() as AddressInfo).port;
    }

    url(path: string, order: string): string {
        return `http://127.0.0.1:${this.port}${path}?order=${encodeURIComponent(order)}`;
    }

    /** Takes no more requests and sends what it has to tell. Errors: what the exporters said. */
    async end(): Promise<void> {
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
        await this.telemetry.end();
    }

    /** Runs `work` within a span of its own. */
    async within<T>(name: string, kind: SpanKind, work: (span: Span) => Promise<T>): Promise<T> {
        return this.telemetry.tracer.startActiveSpan(name, { kind }, async (span) => {
            try {
                return await work(span);
            } finally {
                span.end();
            }
        });
    }

    /** Asks another service; the trace goes with the request. */
    call(service: ServiceName, path: string, order: string): Promise<Answer> {
        return this.within(`GET ${path}`, SpanKind.CLIENT, async (span) => {
            const headers: Record<string, string> = {};
            propagation.inject(context.active(), headers);
            const response = await fetch(this.others.get(service)!.url(path, order), { headers });
            mark(span, path, response.status);
            return { status: response.status, body: (await response.json()) as object };
        });
    }

    log(order: string, what: string, { status }: Answer): void {
        this.telemetry.log(`order ${order} ${what}`, { "order.id": order }, status !== 200);
    }

    private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { route, handle } = HANDLERS[this.name];
        const { pathname, searchParams } = new URL(request.url!, "http://localhost");
        if (pathname !== route) return void response.writeHead(404).end();
        const started = performance.now();
        const parent = propagation.extract(context.active(), request.headers);
        let traceId = "";
        const { status, body } = await context.with(parent, () =>
            this.within(`GET ${route}`, SpanKind.SERVER, async (span) => {
                const answer = await handle(this, searchParams.get("order") ?? "");
                mark(span, route, answer.status);
                traceId = span.spanContext().traceId;
                return answer;
            }),
        );
        const attributes = { "http.route": route, "http.response.status_code": status };
        this.telemetry.requests.add(1, attributes);
        this.telemetry.duration.record(performance.now() - started, attributes);
        const headers = { "content-type": "application/json", [TRACE_HEADER]: traceId };
        response.writeHead(status, headers).end(JSON.stringify(body));
    }
}

function mark(span: Span, route: string, status: number): void {
    span.setAttributes({ "http.request.method": "GET", "http.route": route, "http.response.status_code": status });
    if (status !== 200) span.setStatus({ code: SpanStatusCode.ERROR, message: `HTTP ${status}` });
}
