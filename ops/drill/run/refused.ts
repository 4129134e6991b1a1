import { UserError } from "../../errors";

/** This drill cannot be carried out on this system; others may. */
export class Refused extends UserError {
    constructor(message: string) {
        super(message, 2);
    }
}
