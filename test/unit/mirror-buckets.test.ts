import * as fs from "fs";
import * as path from "path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bench, Finished, stubContainer } from "./support/shell";

// Fills this host's object store from the other host's.

let bench: Bench;

beforeEach(() => {
    bench = new Bench();
    stubContainer(bench);
    bench.stub(
        "mc",
        `
printf '%s %s\\n' "$MC_HOST_here" "$MC_HOST_there" >"$STATE/hosts"
case "$*" in
    *mirror*meta.json*) printf '{"status":"success","source":"there/%s/one"}\\n' "$OTEL_HA_BUCKET" ;;
    *mirror*) cat "$STATE/second" 2>/dev/null; [ ! -e "$STATE/refused" ] || { echo '{"status":"error","error":"Access Denied."}'; exit 1; } ;;
esac`,
    );
    fs.writeFileSync(path.join(bench.root, "root.env"), "MINIO_ROOT_USER=admin\nMINIO_ROOT_PASSWORD=SECRET-of-root\n");
});
afterEach(() => bench.remove());

function mirror(...options: string[]): Finished {
    return mirrorIn({}, ...options);
}
function mirrorIn(environment: Record<string, string>, ...options: string[]): Finished {
    const args = ["--container", "web-mid-2", "--port", "9000", "--from", "10.0.0.1:9000", ...options];
    const root = { MINIO_CONFIG_ENV_FILE: path.join(bench.root, "root.env") };
    return bench.run("mirror-buckets", args, "", { ...root, ...environment });
}
const called = (program: string): string[] => bench.argv().filter((line) => line.startsWith(`${program} `));

describe("filling a mirror", () => {
    it("copies each bucket in two goes, what completes blocks and indexes last, and says how much it was", () => {
        bench.write("second", '{"status":"success","source":"there/x/meta.json"}\n');
        expect(mirror("loki-data", "thanos-metrics")).toMatchObject({
            code: 0,
            out: "loki-data 2\nthanos-metrics 2\n",
            err: "",
        });
        const common = "mc --json mirror --exclude loki_cluster_seed.json";
        expect(called("mc").filter((line) => line.includes("loki-data"))).toEqual([
            "mc --quiet mb --ignore-existing here/loki-data",
            `${common} --exclude */meta.json --exclude index/* there/loki-data here/loki-data`,
            `${common} there/loki-data here/loki-data`,
        ]);
    });

    it("opens both stores with this host's root user, and shows no secret in any command line", () => {
        mirror("loki-data");
        expect(bench.read("hosts")).toBe(
            "http://admin:SECRET-of-root@127.0.0.1:9000 http://admin:SECRET-of-root@10.0.0.1:9000\n",
        );
        expect(bench.argv().length).toBeGreaterThan(3);
        expect(bench.argv().join("\n")).not.toContain("SECRET");
    });

    it("speaks TLS to both when this host's container does", () => {
        mirrorIn({ SSL_CERT_FILE: "/etc/minio/certs/CAs/trusted.crt" }, "loki-data");
        expect(bench.read("hosts")).toBe(
            "https://admin:SECRET-of-root@127.0.0.1:9000 https://admin:SECRET-of-root@10.0.0.1:9000\n",
        );
    });

    it("never deletes or overwrites anything", () => {
        mirror("loki-data");
        expect(bench.argv().join("\n")).not.toMatch(/--remove|--overwrite|\brm\b.*here/);
    });

    it("passes on what mc says, and names the bucket", () => {
        bench.write("refused", "");
        expect(mirror("loki-data", "thanos-metrics")).toMatchObject({
            code: 1,
            out: "",
            err: '{"status":"error","error":"Access Denied."}\nmirror-buckets: bucket loki-data could not be copied from 10.0.0.1:9000\n',
        });
    });

    it.each([[["loki-data"]], [["--from", "10.0.0.1:9000"]], [["--from", "10.0.0.1:9000", "--container"]]])(
        "tells how it is used: %j",
        (args) => {
            const done = bench.run("mirror-buckets", args);
            expect(done.code).toBe(2);
            expect(done.err).toMatch(/^usage: mirror-buckets --container NAME /);
        },
    );
});
