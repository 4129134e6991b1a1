// docker:index:{RemoteImage,Container}
import { ValueMap } from "../values";
import { container } from "./docker-container";
import { DockerClient } from "./docker-client";
import { remoteImage } from "./docker-image";
import { ProviderPackage } from "./types";

/** Complex settings of providers travel as JSON text. */
function parsed<T>(value: unknown): T | undefined {
    return typeof value === "string" ? (JSON.parse(value) as T) : (value as T | undefined);
}

export const dockerPackage: ProviderPackage = {
    configure(config: ValueMap) {
        // Nothing is opened before something is asked for: previews must not need the host.
        const client = new DockerClient({
            host: config.host === undefined ? undefined : String(config.host),
            sshOpts: parsed(config.sshOpts),
            registryAuth: parsed(config.registryAuth),
        });
        const resources = {
            "docker:index:RemoteImage": remoteImage(client),
            "docker:index:Container": container(client),
        };
        return {
            resource: (type) => resources[type as keyof typeof resources],
            close: () => client.close(),
        };
    },
};
