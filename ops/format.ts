/** Numbers as people read them. Pure. */

/** @example size(12_900_000) → "12.3 MiB" */
export function size(bytes: number): string {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = 0;
    let value = bytes;
    while (value >= 1024 && power < units.length - 1) {
        value /= 1024;
        power++;
    }
    return `${power === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[power]}`;
}

/** @example span(200) → "3 min" */
export function span(seconds: number): string {
    if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
    if (seconds < 90) return `${Math.round(seconds)} s`;
    if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
    if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
    return `${Math.round(seconds / 86_400)} days`;
}

/** @example percent(0.123) → "12 %" */
export function percent(share: number): string {
    if (share > 0 && share < 0.01) return "<1 %";
    return `${Math.round(share * 100)} %`;
}
