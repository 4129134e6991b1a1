/** Several places that take the same: the next one is tried when one does not. */
import type { Door } from "../../http";
import type { Answer, Transport } from "./transport";

/** After this time the first one is tried again, milliseconds. */
const RETURN_MS = 10_000;

/** Keeps to the place that took something last. What failed is sent again by the client, identical, and then elsewhere. */
export class FailoverTransport implements Transport {
    private current = 0;
    private since = 0;

    constructor(
        private readonly places: Transport[],
        private readonly returnMs = RETURN_MS,
    ) {}

    async send(body: Uint8Array): Promise<Answer> {
        if (this.current !== 0 && Date.now() - this.since > this.returnMs) this.current = 0;
        const used = this.current;
        const answer = await this.places[used]!.send(body);
        // Of several that fail at once only the first moves on.
        if (answer.kind === "retry" && this.current === used) {
            this.current = (used + 1) % this.places.length;
            this.since = Date.now();
        }
        return answer;
    }

    useDoor(door: Door): void {
        for (const place of this.places) place.useDoor?.(door);
    }

    close(): void {
        for (const place of this.places) place.close();
    }
}
