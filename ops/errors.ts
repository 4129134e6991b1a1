/** Something that the person at the keyboard can mend: shown without a stack trace. */
export class UserError extends Error {
    constructor(
        message: string,
        /** What the command ends with. */
        readonly exitCode = 3,
    ) {
        super(message);
    }
}
