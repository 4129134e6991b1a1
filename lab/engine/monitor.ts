// The SDK's own gRPC services, as the program's process sees them.
import * as grpc from "@grpc/grpc-js";
import * as structs from "google-protobuf/google/protobuf/struct_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import * as enginerpc from "@pulumi/pulumi/proto/engine_grpc_pb";
import * as engineproto from "@pulumi/pulumi/proto/engine_pb";
import * as monitorrpc from "@pulumi/pulumi/proto/resource_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/resource_pb";
import type * as aliasproto from "@pulumi/pulumi/proto/alias_pb";
import { ResourceState } from "./checkpoint";
import { Deployment } from "./deployment";
import { messageOf, ShuttingDown, UserError } from "./errors";
import { Severity } from "./events";
import { AliasSpec, Goal } from "./generator";
import { decode, decodeMap, encodeMap, Value, ValueMap } from "./values";

const FEATURES = new Set(["secrets", "resourceReferences", "outputValues", "aliasSpecs", "deletedWith", "replaceWith"]);

const SEVERITIES: Severity[] = ["debug", "info", "warning", "error"];

/** Big enough for any property map. */
const CHANNEL_OPTIONS = { "grpc.max_receive_message_length": 400 * 1024 * 1024 };

export type Invoke = (token: string, args: ValueMap) => Promise<ValueMap>;

const structOf = (map: ValueMap, keepSecrets: boolean) =>
    structs.Struct.fromJavaScript(encodeMap(map, keepSecrets) as { [key: string]: structs.JavaScriptValue });

function aliasesOf(request: proto.RegisterResourceRequest): AliasSpec[] {
    const specs = request.getAliasesList().map((alias: aliasproto.Alias): AliasSpec => {
        const spec = alias.getSpec();
        if (!spec) return { urn: alias.getUrn() };
        return {
            name: spec.getName(),
            type: spec.getType(),
            stack: spec.getStack(),
            project: spec.getProject(),
            parentUrn: spec.getParenturn(),
            noParent: spec.getNoparent(),
        };
    });
    return [...specs, ...request.getAliasurnsList().map((urn) => ({ urn }))];
}

function goalOf(request: proto.RegisterResourceRequest): Goal & { version: string } {
    if (request.getRemote())
        throw new UserError("the lab engine cannot run components of other languages; use the real CLI");
    if (request.getImportid()) throw new UserError("the lab engine cannot import resources; use the real CLI");
    const propertyDependencies: [string, string[]][] = [];
    request.getPropertydependenciesMap().forEach((value, key) => {
        // A property that depends on nothing says nothing.
        if (value.getUrnsList().length > 0) propertyDependencies.push([key, value.getUrnsList()]);
    });
    const trigger = request.getReplacementTrigger();
    return {
        type: request.getType(),
        name: request.getName(),
        custom: request.getCustom(),
        parent: request.getParent() || undefined,
        inputs: withoutNulls(decodeMap(request.getObject()?.toJavaScript())),
        provider: request.getProvider() || undefined,
        version: request.getVersion(),
        dependencies: request.getDependenciesList(),
        propertyDependencies: Object.fromEntries(propertyDependencies),
        aliases: aliasesOf(request),
        protect: request.getProtect(),
        deleteBeforeReplace: request.getDeletebeforereplacedefined() ? request.getDeletebeforereplace() : undefined,
        ignoreChanges: request.getIgnorechangesList(),
        replaceOnChanges: request.getReplaceonchangesList(),
        replaceWith: request.getReplaceWithList(),
        additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
        retainOnDelete: request.getRetainondelete(),
        deletedWith: request.getDeletedwith() || undefined,
        replacementTrigger: trigger && (decode(trigger.toJavaScript()) as Value),
    };
}

/** Inputs given as null are inputs not given. */
function withoutNulls(map: ValueMap): ValueMap {
    return Object.fromEntries(Object.entries(map).filter(([, value]) => value !== null));
}

type Handler<Request, Response> = (request: Request) => Promise<Response> | Response;

/** A gRPC method from an async function: what it throws becomes the call's error. */
function unary<Request, Response>(handler: Handler<Request, Response>): grpc.handleUnaryCall<Request, Response> {
    return async (call, callback) => {
        try {
            callback(null, await handler(call.request));
        } catch (error) {
            const code = error instanceof ShuttingDown ? grpc.status.UNAVAILABLE : grpc.status.UNKNOWN;
            callback({ code, message: messageOf(error), details: messageOf(error) });
        }
    };
}

const unsupported = (what: string) =>
    unary<unknown, never>(() => {
        throw new UserError(`the lab engine does not support ${what}; use the real CLI`);
    });

export class MonitorServer {
    private readonly server = new grpc.Server(CHANNEL_OPTIONS);
    private rootUrn = "";

    constructor(
        private readonly deployment: Promise<Deployment>,
        private readonly invoke: Invoke,
    ) {
        this.server.addService(
            monitorrpc.ResourceMonitorService as unknown as grpc.ServiceDefinition,
            this.monitorMethods() as unknown as grpc.UntypedServiceImplementation,
        );
        this.server.addService(
            enginerpc.EngineService as unknown as grpc.ServiceDefinition,
            this.engineMethods() as unknown as grpc.UntypedServiceImplementation,
        );
    }

    /** Listens on a free port of the loopback device. */
    listen(): Promise<string> {
        return new Promise((resolve, reject) =>
            this.server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
                error ? reject(error) : resolve(`127.0.0.1:${port}`),
            ),
        );
    }

    close(): void {
        this.server.forceShutdown();
    }

    private monitorMethods() {
        return {
            supportsFeature: unary((request: proto.SupportsFeatureRequest) => {
                const response = new proto.SupportsFeatureResponse();
                response.setHassupport(FEATURES.has(request.getId()));
                return response;
            }),
            registerResource: unary((request: proto.RegisterResourceRequest) => this.register(request)),
            registerResourceOutputs: unary(async (request: proto.RegisterResourceOutputsRequest) => {
                const deployment = await this.deployment;
                deployment.registerOutputs(request.getUrn(), decodeMap(request.getOutputs()?.toJavaScript()));
                return new Empty();
            }),
            readResource: unary((request: proto.ReadResourceRequest) => this.read(request)),
            invoke: unary((request: proto.ResourceInvokeRequest) => this.runInvoke(request)),
            signalAndWaitForShutdown: unary(() => new Empty()),
            call: unsupported("method calls"),
            registerStackTransform: unsupported("stack transforms"),
            registerStackInvokeTransform: unsupported("invoke transforms"),
            registerResourceHook: unsupported("resource hooks"),
            registerErrorHook: unsupported("error hooks"),
            registerPackage: unsupported("parameterized packages"),
        };
    }

    private engineMethods() {
        return {
            log: unary(async (request: engineproto.LogRequest) => {
                const severity = SEVERITIES[request.getSeverity()];
                // There are many of these, before anything is registered.
                if (severity === "debug") return new Empty();
                const deployment = await this.deployment;
                deployment.log(request.getUrn(), severity, request.getMessage(), request.getEphemeral());
                return new Empty();
            }),
            getRootResource: unary(() => {
                const response = new engineproto.GetRootResourceResponse();
                response.setUrn(this.rootUrn);
                return response;
            }),
            setRootResource: unary((request: engineproto.SetRootResourceRequest) => {
                this.rootUrn = request.getUrn();
                return new engineproto.SetRootResourceResponse();
            }),
            startDebugging: unary(() => new Empty()),
            requirePulumiVersion: unary(() => new engineproto.RequirePulumiVersionResponse()),
        };
    }

    private async register(request: proto.RegisterResourceRequest): Promise<proto.RegisterResourceResponse> {
        const deployment = await this.deployment;
        const state = await deployment.register(this.goal(deployment, request));
        const response = new proto.RegisterResourceResponse();
        response.setUrn(state.urn);
        response.setId(state.id ?? "");
        response.setObject(structOf(programOutputs(state), request.getAcceptsecrets()));
        return response;
    }

    private goal(deployment: Deployment, request: proto.RegisterResourceRequest): Goal & { version: string } {
        try {
            return goalOf(request);
        } catch (error) {
            deployment.log("", "error", `${request.getName()} (${request.getType()}): ${messageOf(error)}`);
            deployment.stop();
            throw new ShuttingDown();
        }
    }

    private async read(request: proto.ReadResourceRequest): Promise<proto.ReadResourceResponse> {
        const deployment = await this.deployment;
        const state = await deployment.read({
            type: request.getType(),
            name: request.getName(),
            custom: true,
            id: request.getId(),
            parent: request.getParent() || undefined,
            provider: request.getProvider() || undefined,
            inputs: withoutNulls(decodeMap(request.getProperties()?.toJavaScript())),
            dependencies: request.getDependenciesList(),
            propertyDependencies: {},
            additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
        });
        const response = new proto.ReadResourceResponse();
        response.setUrn(state.urn);
        response.setProperties(structOf(state.outputs, request.getAcceptsecrets()));
        return response;
    }

    private async runInvoke(request: proto.ResourceInvokeRequest) {
        const { InvokeResponse } = await import("@pulumi/pulumi/proto/provider_pb");
        const response = new InvokeResponse();
        const result = await this.invoke(request.getTok(), decodeMap(request.getArgs()?.toJavaScript()));
        response.setReturn(structOf(result, true));
        return response;
    }
}

/** What the program may rely on: the outputs, without the engine's and the bridges' own notes. */
function programOutputs(state: ResourceState): ValueMap {
    return Object.fromEntries(Object.entries(state.outputs).filter(([key]) => !key.startsWith("__")));
}
