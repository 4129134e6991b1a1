/** Artefacts of Maven Central by Maven itself, each with the checksum that a file of ours has for it. */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needProgram } from "../machine";
import type { Step } from "../progress";
import { must } from "../run";
import type { MavenArtifacts } from "./catalog";

const DEPENDENCY_PLUGIN = "3.8.1";

export interface Artifact {
    /** Hexadecimal. */
    sha256: string;
    group: string;
    artifact: string;
    version: string;
    type: string;
}

interface FetchOptions {
    logFile: string;
    /** Write the checksums of what was fetched, instead of comparing. */
    updateSums: boolean;
    progress: Step;
}

export const listFile = ({ dir }: MavenArtifacts): string => join(dir, "artifacts.txt");

/** Reads lines such as `SHA256  group:artifact:version:jar`. Errors: a line that is neither this, nor empty, nor a comment. */
export function parseArtifacts(text: string): Artifact[] {
    const lines = text.split("\n").filter((line) => line.trim() && !line.startsWith("#"));
    return lines.map((line) => {
        const [, sha256, group, artifact, version, type] =
            /^([0-9a-f]{64}|\?) {2}([\w.-]+):([\w.-]+):([\w.-]+):(jar|zip)$/.exec(line) ?? [];
        if (!sha256) throw new Error(`artifacts.txt: not "SHA256  group:artifact:version:type": ${line}`);
        return { sha256, group: group!, artifact: artifact!, version: version!, type: type! };
    });
}

/** As Maven calls the file. */
export const fileName = ({ artifact, version, type }: Artifact): string => `${artifact}-${version}.${type}`;

/** What has another content than the list says; empty when all is as listed. */
export function wrongArtifacts(artifacts: Artifact[], read: (file: string) => Buffer): string[] {
    return artifacts.flatMap((one) => {
        const found = sha256(read(fileName(one)));
        return found === one.sha256 ? [] : [`${fileName(one)} has SHA-256 ${found}, not ${one.sha256}`];
    });
}

/** Fetches all into `work`/out. Errors: Maven's own, or one whose content is not the listed one. */
export async function fetchArtifacts(source: MavenArtifacts, work: string, options: FetchOptions): Promise<void> {
    await needProgram("mvn");
    const artifacts = parseArtifacts(readFileSync(listFile(source), "utf8"));
    const out = join(work, "out");
    mkdirSync(out, { recursive: true });
    writeFileSync(join(work, "pom.xml"), pom(artifacts, out));
    let fetched = 0;
    // A repository of its own: what is fetched is gone with the work.
    const command = ["mvn", "--batch-mode", `-Dmaven.repo.local=${join(work, "repository")}`, "dependency:copy"];
    await must(["nice", "-n", "10", ...command], {
        cwd: work,
        logFile: options.logFile,
        onLine: (line) => {
            if (/Copying .* to /.test(line)) options.progress.note(`${++fetched} of ${artifacts.length}`);
        },
    });
    const read = (file: string): Buffer => readFileSync(join(out, file));
    if (options.updateSums) return writeSums(source, artifacts, read);
    const wrong = wrongArtifacts(artifacts, read);
    if (wrong.length) throw new Error(`Maven Central gave something else than was expected:\n${wrong.join("\n")}`);
}

function writeSums(source: MavenArtifacts, artifacts: Artifact[], read: (file: string) => Buffer): void {
    const comments = readFileSync(listFile(source), "utf8")
        .split("\n")
        .filter((line) => line.startsWith("#"));
    const lines = artifacts.map((one) => {
        const { group, artifact, version, type } = one;
        return `${sha256(read(fileName(one)))}  ${group}:${artifact}:${version}:${type}`;
    });
    writeFileSync(listFile(source), `${[...comments, ...lines].join("\n")}\n`);
}

/** A project that is nothing but a list of files to copy. */
function pom(artifacts: Artifact[], out: string): string {
    const element = (name: string, value: string): string => `<${name}>${value}</${name}>`;
    const items = artifacts.map(({ group, artifact, version, type }) => {
        const parts = [
            element("groupId", group),
            element("artifactId", artifact),
            element("version", version),
            element("type", type),
        ];
        return element("artifactItem", parts.join(""));
    });
    const configuration = element("outputDirectory", out) + element("artifactItems", items.join("\n"));
    const plugin = [
        element("groupId", "org.apache.maven.plugins"),
        element("artifactId", "maven-dependency-plugin"),
        element("version", DEPENDENCY_PLUGIN),
        element("configuration", configuration),
    ];
    const project = [
        element("modelVersion", "4.0.0"),
        element("groupId", "otel-ha.lab"),
        element("artifactId", "artifacts"),
        element("version", "1"),
        element("packaging", "pom"),
        element("build", element("plugins", element("plugin", plugin.join("")))),
    ];
    return element("project", project.join(""));
}

const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");
