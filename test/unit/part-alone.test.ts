import { describe, expect, it } from "vitest";
import { Host, Loki, lokiRequirements, RemoteFile } from "../../components";
import { run } from "./support/graph";
import { HOST_KEY } from "./support/stacks";

describe("one part alone", () => {
    const settings = { node: "web", bucket: "logs" };

    it("is a host and Loki, with nothing of the other services", async () => {
        const graph = await run(() => {
            const host = new Host("web", {
                address: "10.0.0.7",
                hostKey: HOST_KEY,
                requirements: [lokiRequirements(settings)],
            });
            return new Loki("web-loki", { host, settings, client: { user: "u", secret: "SECRET", bucket: "logs" } });
        });
        expect(graph.resources.filter((one) => one.custom).map((one) => one.name)).toEqual([
            "web-setup",
            "web-docker",
            "web-loki-image",
            "web-loki-config.yaml",
            "web-loki-credentials",
            "web-loki",
            "web-loki-ready",
        ]);
        const setup = graph.resources.find((one) => one.name === "web-setup")?.inputs.stdin as string;
        expect(setup).toContain("PORTS='3100 lokiPort Loki\n9095 lokiGrpcPort Loki gRPC'\n");
        expect(setup).toContain("\nCONTAINERS=loki-web\n");
    });

    it("is a file on a host that is reached as another user: root writes it through sudo", async () => {
        const graph = await run(() => {
            const host = new Host("web", { address: "10.0.0.7", sshUser: "ops", hostKey: HOST_KEY, requirements: [] });
            return new RemoteFile("web-motd", { host, path: "/etc/motd", content: "it's me\n" });
        });
        const file = graph.resources.find((one) => one.type === "command:remote:Command" && one.name === "web-motd");
        expect(file?.inputs).toMatchObject({
            create: "sudo -n /usr/local/lib/otel-ha/put-file --mode 0644 --owner 0:0 /etc/motd",
            delete: "sudo -n rm -f /etc/motd",
            stdin: "it's me\n",
        });
    });
});
