/** Ctrl-C: whatever waits stops waiting, and the rollback begins. */

/** The drill was stopped by hand. */
export class Aborted extends Error {
    constructor() {
        super("stopped by hand");
    }
}

/** Waits, unless aborted. Errors: {@link Aborted}. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(new Aborted());
        const aborted = (): void => {
            clearTimeout(timer);
            reject(new Aborted());
        };
        const timer = setTimeout(() => {
            signal.removeEventListener("abort", aborted);
            resolve();
        }, ms);
        signal.addEventListener("abort", aborted, { once: true });
    });
}
