// Pulumi.yaml: name, runtime, where the program is, and the config schema.
import * as fs from "node:fs";
import * as path from "node:path";
import * as yaml from "yaml";
import { UserError } from "./errors";

export interface ConfigKeySchema {
    type?: string;
    default?: unknown;
    value?: unknown;
    secret?: boolean;
    description?: string;
}

export interface Project {
    name: string;
    /** The folder of Pulumi.yaml. */
    root: string;
    file: string;
    /** Folder or file to run. */
    program: string;
    typescript: boolean;
    nodeArgs: string[];
    /** Keys with their namespace (`project:key`). */
    config: Map<string, ConfigKeySchema>;
}

function findProjectFile(from: string): string {
    for (let dir = path.resolve(from); ; dir = path.dirname(dir)) {
        for (const name of ["Pulumi.yaml", "Pulumi.yml"]) {
            if (fs.existsSync(path.join(dir, name))) return path.join(dir, name);
        }
        if (dir === path.dirname(dir)) {
            throw new UserError(
                `no Pulumi.yaml project file found (searching upwards from ${path.resolve(from)}). If you have not created a project ` +
                    "yet, use `pulumi new` to do so",
            );
        }
    }
}

function parseSchema(project: string, raw: Record<string, unknown>): Map<string, ConfigKeySchema> {
    const schema = new Map<string, ConfigKeySchema>();
    for (const [key, entry] of Object.entries(raw)) {
        const qualified = key.includes(":") ? key : `${project}:${key}`;
        const typed = typeof entry === "object" && entry !== null && !Array.isArray(entry);
        schema.set(qualified, typed ? (entry as ConfigKeySchema) : { value: entry });
    }
    return schema;
}

/** Loads the project that `from` is in. */
export function loadProject(from: string): Project {
    const file = findProjectFile(from);
    const root = path.dirname(file);
    const raw = yaml.parse(fs.readFileSync(file, "utf8"));
    if (typeof raw?.name !== "string")
        throw new UserError(`could not load ${file}: project is missing a 'name' attribute`);
    const runtime = typeof raw.runtime === "string" ? { name: raw.runtime } : (raw.runtime ?? {});
    if (runtime.name !== "nodejs") {
        throw new UserError(
            `the lab engine only runs nodejs programs, ${file} has runtime '${runtime.name}'; use the real CLI`,
        );
    }
    const options = runtime.options ?? {};
    return {
        name: raw.name,
        root,
        file,
        program: raw.main ? path.resolve(root, raw.main) : root,
        typescript: options.typescript ?? true,
        nodeArgs: options.nodeargs ? String(options.nodeargs).split(/\s+/) : [],
        config: parseSchema(raw.name, raw.config ?? {}),
    };
}
