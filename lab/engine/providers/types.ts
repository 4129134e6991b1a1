import { DiffResult } from "../diff";
import { Severity } from "../events";
import { ValueMap } from "../values";

export interface CheckFailure {
    property: string;
    reason: string;
}

export interface OperationContext {
    urn: string;
    name: string;
    /** Plan only: change nothing, unknown results are Unknown. */
    preview: boolean;
    /** Shows a line under the resource. */
    log(severity: Severity, message: string): void;
}

export interface Existing {
    id: string;
    inputs: ValueMap;
    outputs: ValueMap;
}

/** What a resource type can do. All values come and go without secret marks; unknowns only occur in previews. */
export interface ResourceProvider {
    /** Adds defaults to the inputs, reports bad ones. */
    check?(
        inputs: ValueMap,
        context: OperationContext,
        old?: ValueMap,
    ): { inputs: ValueMap; failures?: CheckFailure[] };
    diff(old: Existing, inputs: ValueMap): DiffResult;
    create(inputs: ValueMap, context: OperationContext): Promise<{ id: string; outputs: ValueMap }>;
    update?(old: Existing, inputs: ValueMap, context: OperationContext): Promise<ValueMap>;
    /** Absent: what is in the state is taken for the truth. Returns undefined when the resource has gone. */
    read?(old: Existing, context: OperationContext): Promise<Omit<Existing, "id"> | undefined>;
    delete?(old: Existing, context: OperationContext): Promise<void>;
}

/** A package with its configuration. */
export interface ProviderInstance {
    /** By short type: `docker:index:Container`. */
    resource(type: string): ResourceProvider | undefined;
    close?(): void;
}

export interface ProviderPackage {
    /** What the real provider adds to its own inputs, as the state file shows. */
    extraInputs?: ValueMap;
    configure(config: ValueMap): ProviderInstance;
}
