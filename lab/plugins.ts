/** Pulumi's provider plugins, for the real CLI: fetched while there is still a way out, since the lab's namespace has none. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isLabEngine, pulumiCommand } from "./engine-choice";
import { REPO } from "./paths";
import { step } from "./progress";
import { must } from "./run";

interface Plugin {
    name: string;
    version: string;
}

/** What the CLI looks for before it runs the program: a plugin for each installed package that says it has one. */
export function requiredPlugins(modules = join(REPO, "node_modules", "@pulumi")): Plugin[] {
    return readdirSync(modules).flatMap((name) => {
        const { pulumi, version } = JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")) as {
            pulumi?: { resource?: boolean; name?: string };
            version: string;
        };
        return pulumi?.resource ? [{ name: pulumi.name ?? name, version }] : [];
    });
}

/** Installs what is missing; the lab's engine has its providers built in. */
export async function installPlugins(env: NodeJS.ProcessEnv): Promise<void> {
    if (isLabEngine()) return;
    const listed = await must([pulumiCommand(), "plugin", "ls", "--json"], { env });
    const installed = JSON.parse(listed) as Plugin[];
    const missing = requiredPlugins().filter(
        ({ name, version }) => !installed.some((one) => one.name === name && one.version === version),
    );
    if (missing.length === 0) return;
    await step(`Fetching Pulumi's plugins ${missing.map(({ name }) => name).join(", ")}`, async () => {
        for (const { name, version } of missing)
            await must([pulumiCommand(), "plugin", "install", "resource", name, version], { env });
    });
}
