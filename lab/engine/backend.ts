// The CLI's file backend: `.pulumi/stacks/PROJECT/STACK.json` under a folder, and which stack is selected.
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Deployment } from "./checkpoint";
import { UserError } from "./errors";
import { Project } from "./project";

const pulumiHome = () => process.env.PULUMI_HOME ?? path.join(os.homedir(), ".pulumi");

export function writeAtomically(file: string, text: string): void {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const temporary = `${file}.${process.pid}.tmp`;
    fs.writeFileSync(temporary, text, { mode: 0o600 });
    fs.renameSync(temporary, file);
}

function currentBackendUrl(): string {
    if (process.env.PULUMI_BACKEND_URL) return process.env.PULUMI_BACKEND_URL;
    const credentials = path.join(pulumiHome(), "credentials.json");
    const current = fs.existsSync(credentials) ? JSON.parse(fs.readFileSync(credentials, "utf8")).current : undefined;
    return current || "file://~";
}

export class Backend {
    readonly folder: string;

    constructor(readonly url: string = currentBackendUrl()) {
        if (!url.startsWith("file://")) {
            throw new UserError(
                `the lab engine only knows file backends (file://PATH), not '${url}'; use the real CLI`,
            );
        }
        const location = decodeURIComponent(url.slice("file://".length)).replace(/^~/, os.homedir());
        this.folder = path.join(path.resolve(location), ".pulumi");
    }

    stackFile(project: string, stack: string): string {
        return path.join(this.folder, "stacks", project, `${stack}.json`);
    }

    exists(project: string, stack: string): boolean {
        return fs.existsSync(this.stackFile(project, stack));
    }

    list(project: string): string[] {
        const folder = path.dirname(this.stackFile(project, "x"));
        if (!fs.existsSync(folder)) return [];
        return fs.readdirSync(folder).flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -5)] : []));
    }

    read(project: string, stack: string): Deployment | undefined {
        if (!this.exists(project, stack)) throw new UserError(`no stack named '${stack}' found`);
        return JSON.parse(fs.readFileSync(this.stackFile(project, stack), "utf8")).checkpoint?.latest;
    }

    write(project: string, stack: string, deployment: Deployment | undefined): void {
        const checkpoint = { stack: `organization/${project}/${stack}`, latest: deployment };
        const text = JSON.stringify({ version: 3, checkpoint }, undefined, 4);
        writeAtomically(this.stackFile(project, stack), text);
        const meta = path.join(this.folder, "meta.yaml");
        if (!fs.existsSync(meta)) writeAtomically(meta, "version: 1\n");
    }

    remove(project: string, stack: string): void {
        fs.rmSync(this.stackFile(project, stack));
    }
}

function workspaceFile(project: Project): string {
    const hash = crypto.createHash("sha1").update(project.file).digest("hex");
    return path.join(pulumiHome(), "workspaces", `${project.name}-${hash}-workspace.json`);
}

export function selectedStack(project: Project): string | undefined {
    const file = workspaceFile(project);
    const stack = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")).stack : undefined;
    return stack?.split("/").at(-1);
}

export function selectStack(project: Project, stack: string | undefined): void {
    writeAtomically(workspaceFile(project), JSON.stringify(stack ? { stack } : {}));
}

export function saveLogin(url: string): void {
    writeAtomically(path.join(pulumiHome(), "credentials.json"), JSON.stringify({ current: url }));
}
