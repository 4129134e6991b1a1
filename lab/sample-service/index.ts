/** The sample application: a bounded number of orders through three services, and what is to be found of them afterwards. */
import { context, propagation, trace } from "@opentelemetry/api";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { PER_ORDER, Service, SERVICES, TRACE_HEADER, type ServiceName } from "./services";
import type { Collector } from "./telemetry";

export interface SampleLoad {
    /** One for each service, in turn: as if each ran on a host of its own. */
    collectors: Collector[];
    /** A few letters that no other run has; orders are called RUN-0, RUN-1, … */
    run: string;
    orders: number;
    /** Orders on their way at a time. @default 4 */
    atATime?: number;
}

export interface SampleOutcome {
    run: string;
    orders: number;
    /** Those that were refused, since nothing was left: they have spans with an error. */
    refused: number;
    /** One for each order. */
    traceIds: string[];
    /** What must be found of each service. */
    expected: Record<ServiceName, { spans: number; logs: number; requests: number }>;
}

/** Sends the orders and then all telemetry. Errors: an order got no answer, or a collector did not take what was sent. */
export async function runSample({ collectors, run, orders, atATime = 4 }: SampleLoad): Promise<SampleOutcome> {
    // How the active span is known across waiting, and how it goes from one service to another.
    new NodeTracerProvider().register();
    const all = new Map<ServiceName, Service>();
    const services = SERVICES.map((name, at) => new Service(name, run, collectors[at % collectors.length]!, all));
    try {
        await Promise.all(services.map((service) => service.start()));
        const answers = await sendOrders(services[0]!, run, orders, atATime);
        await Promise.all(services.map((service) => service.end()));
        return {
            run,
            orders,
            refused: answers.filter(({ status }) => status !== 200).length,
            traceIds: answers.map(({ traceId }) => traceId),
            expected: expectedOf(orders),
        };
    } finally {
        for (const api of [trace, context, propagation]) api.disable();
    }
}

export function expectedOf(orders: number): SampleOutcome["expected"] {
    const each = SERVICES.map((name) => {
        const { spans, logs } = PER_ORDER[name];
        return [name, { spans: spans * orders, logs: logs * orders, requests: orders }];
    });
    return Object.fromEntries(each) as SampleOutcome["expected"];
}

interface OrderAnswer {
    status: number;
    traceId: string;
}

async function sendOrders(shop: Service, run: string, orders: number, atATime: number): Promise<OrderAnswer[]> {
    const answers: OrderAnswer[] = [];
    let next = 0;
    const customer = async (): Promise<void> => {
        while (next < orders) {
            const response = await fetch(shop.url("/checkout", `${run}-${next++}`));
            await response.arrayBuffer();
            answers.push({ status: response.status, traceId: response.headers.get(TRACE_HEADER)! });
        }
    };
    await Promise.all(Array.from({ length: atATime }, customer));
    return answers;
}

export type { Collector, ServiceName };
