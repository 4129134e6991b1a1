import { AnyKeyName, Values } from "./keys";

/** One thing that is wrong, for people: which key, its value, and what would be right. */
export interface Problem {
    key: string;
    message: string;
}

/** A rule about settings V that were each read well. It is skipped while one of the settings it looks at was not. */
export type Rule<V = Values> = (settings: V) => Problem[];

export const problem = (key: AnyKeyName, message: string): Problem[] => [{ key, message }];
export const none: Problem[] = [];
