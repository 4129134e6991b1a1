import * as grpc from "@grpc/grpc-js";
import { specialSecretSig, specialSigKey } from "@pulumi/pulumi/runtime/rpc";
import { ChildProcess, spawn } from "child_process";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import * as path from "path";
import * as readline from "readline";
import { Asked } from "../../../components/policy/model";
import { ROOT } from "./stacks";
// eslint-disable-next-line @typescript-eslint/no-require-imports
import analyzerproto = require("@pulumi/pulumi/proto/analyzer_pb");
// eslint-disable-next-line @typescript-eslint/no-require-imports
import analyzerrpc = require("@pulumi/pulumi/proto/analyzer_grpc_pb");

const PACK = path.join(ROOT, "policies");

/** How an engine writes a text that it will only know later. */
export const UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What the pack says of something. */
export interface Diagnostic {
    policy: string;
    level: "advisory" | "mandatory";
    message: string;
    urn: string;
}

export const urnOf = ({ type, name }: Asked): string => `urn:pulumi:node1::otel-ha::${type}::${name}`;

/** The policy pack in a process of its own, started and asked as the CLI does. */
export class Pack {
    private constructor(
        private readonly child: ChildProcess,
        private readonly client: InstanceType<typeof analyzerrpc.AnalyzerClient>,
    ) {}

    static async start(config: Record<string, string>): Promise<Pack> {
        const runner = require.resolve("@pulumi/pulumi/cmd/run-policy-pack", { paths: [PACK] });
        const env = {
            ...process.env,
            PULUMI_CONFIG: JSON.stringify(config),
            PULUMI_NODEJS_PROJECT: "otel-ha",
            PULUMI_NODEJS_STACK: "node1",
            PULUMI_NODEJS_DRY_RUN: "true",
        };
        const stdio = ["ignore", "pipe", "pipe"] as ("ignore" | "pipe")[];
        const child = spawn(process.execPath, [runner, "127.0.0.1:1", "."], { cwd: PACK, env, stdio });
        let said = "";
        child.stderr!.on("data", (data: Buffer) => (said += data.toString()));
        const port = await new Promise<string>((resolve, reject) => {
            readline.createInterface({ input: child.stdout! }).once("line", resolve);
            child.once("close", (code) => reject(new Error(`the pack ended (${code}): ${said}`)));
        });
        const address = `127.0.0.1:${port}`;
        return new Pack(child, new analyzerrpc.AnalyzerClient(address, grpc.credentials.createInsecure()));
    }

    close(): void {
        this.client.close();
        this.child.kill();
    }

    /** Names and levels of all policies. */
    async policies(): Promise<Record<string, string>> {
        const info = await this.call<analyzerproto.AnalyzerInfo>("getAnalyzerInfo", new Empty());
        return Object.fromEntries(info.getPoliciesList().map((one) => [one.getName(), level(one)]));
    }

    /** What is said of a resource before it is made. */
    async analyze(asked: Asked): Promise<Diagnostic[]> {
        return this.diagnostics("analyze", described(new analyzerproto.AnalyzeRequest(), asked));
    }

    /** What is said of a stack at the end. */
    async analyzeStack(all: Asked[]): Promise<Diagnostic[]> {
        const request = new analyzerproto.AnalyzeStackRequest();
        request.setResourcesList(all.map((asked) => described(new analyzerproto.AnalyzerResource(), asked)));
        return this.diagnostics("analyzeStack", request);
    }

    private async diagnostics(method: string, request: unknown): Promise<Diagnostic[]> {
        const response = await this.call<analyzerproto.AnalyzeResponse>(method, request);
        return response.getDiagnosticsList().map((one) => ({
            policy: one.getPolicyname(),
            level: level(one),
            message: one.getMessage(),
            urn: one.getUrn(),
        }));
    }

    private call<T>(method: string, request: unknown): Promise<T> {
        type Call = (request: unknown, callback: (error: Error | null, response: T) => void) => void;
        const client = this.client as unknown as Record<string, Call>;
        return new Promise((resolve, reject) =>
            client[method](request, (error, response) => (error ? reject(error) : resolve(response))),
        );
    }
}

const level = (one: analyzerproto.PolicyInfo | analyzerproto.AnalyzeDiagnostic): Diagnostic["level"] =>
    one.getEnforcementlevel() === analyzerproto.EnforcementLevel.MANDATORY ? "mandatory" : "advisory";

type Resource = analyzerproto.AnalyzeRequest | analyzerproto.AnalyzerResource;

function described<T extends Resource>(resource: T, asked: Asked): T {
    resource.setType(asked.type);
    resource.setName(asked.name);
    resource.setUrn(urnOf(asked));
    resource.setProperties(Struct.fromJavaScript(properties(asked)));
    const options = new analyzerproto.AnalyzerResourceOptions();
    options.setDeletebeforereplace(asked.deleteBeforeReplace ?? false);
    options.setDeletebeforereplacedefined(asked.deleteBeforeReplace !== undefined);
    resource.setOptions(options);
    return resource;
}

// As the engine sends them: secrets in envelopes, what is not known as a text of its own.
function properties({ inputs, unknown = [], marked = [] }: Asked): Record<string, never> {
    const sent: Record<string, unknown> = Object.fromEntries(unknown.map((input) => [input, UNKNOWN_TEXT]));
    for (const [input, value] of Object.entries(inputs))
        sent[input] = marked.includes(input) ? { [specialSigKey]: specialSecretSig, value } : value;
    return JSON.parse(JSON.stringify(sent)) as Record<string, never>;
}
