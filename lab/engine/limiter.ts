/** At most so many at a time. */
export class Limiter {
    private readonly waiting: (() => void)[] = [];

    constructor(private free: number) {}

    async run<T>(work: () => Promise<T>): Promise<T> {
        if (this.free > 0) this.free--;
        else await new Promise<void>((resolve) => this.waiting.push(resolve));
        try {
            return await work();
        } finally {
            const next = this.waiting.shift();
            if (next) next();
            else this.free++;
        }
    }
}

/** One after another, in the order of arrival. */
export class Mutex extends Limiter {
    constructor() {
        super(1);
    }
}
