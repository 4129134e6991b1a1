import { ValueMap } from "./values";

/** Something the user can do something about: shown as one line, without a stack trace. */
export class UserError extends Error {}

/** Asks the SDK to end the program quietly: the reason has been, or will be, reported by the engine. */
export class ShuttingDown extends Error {
    constructor() {
        super("resource monitor is shutting down");
    }
}

/** A resource that was created or updated but is not as it should be: recorded, and looked at again at the next run. */
export class PartialError extends Error {
    constructor(
        message: string,
        readonly id: string,
        readonly outputs: ValueMap,
    ) {
        super(message);
    }
}

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
