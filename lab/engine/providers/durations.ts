// Go's notation of durations, which Docker's API and provider use.
const UNITS: [string, number][] = [
    ["h", 3_600_000_000_000],
    ["m", 60_000_000_000],
    ["s", 1_000_000_000],
    ["ms", 1_000_000],
    ["us", 1000],
    ["µs", 1000],
    ["ns", 1],
];

/** `1m30s` in nanoseconds. */
export function parseDuration(text: string): number {
    const parts = [...text.matchAll(/([\d.]+)(ms|us|µs|ns|h|m|s)/g)];
    if (parts.map(([part]) => part).join("") !== text || parts.length === 0)
        throw new Error(`invalid duration '${text}'`);
    return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * new Map(UNITS).get(unit)!, 0);
}

/** Go's canonical form. */
export function formatDuration(nanoseconds: number): string {
    if (!nanoseconds) return "0s";
    if (nanoseconds < 1_000_000_000) {
        const [unit, size] = UNITS.find(([, length]) => nanoseconds >= length)!;
        return `${nanoseconds / size}${unit}`;
    }
    const hours = Math.floor(nanoseconds / UNITS[0][1]);
    const minutes = Math.floor((nanoseconds % UNITS[0][1]) / UNITS[1][1]);
    const seconds = (nanoseconds % UNITS[1][1]) / UNITS[2][1];
    return `${hours ? `${hours}h` : ""}${hours || minutes ? `${minutes}m` : ""}${seconds}s`;
}
