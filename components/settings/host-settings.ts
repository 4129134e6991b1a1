import { FirewallSettings } from "../firewall";
import { HostArgs } from "../host";
import { CommonValues } from "./keys";

/** What the firewall of a host cannot know from the common settings. */
type Neighbours = Pick<FirewallSettings, "peers" | "vrrpInterface">;

/** The machine of a stack of either system. Pure. */
export function hostSettings(v: CommonValues, neighbours: Neighbours): Omit<HostArgs, "requirements"> {
    return {
        address: v.nodeAddress,
        hostName: v.hostName || undefined,
        sshPort: v.sshPort,
        sshUser: v.sshUser,
        hostKey: v.hostKey,
        privateKeyFile: v.sshPrivateKeyFile || undefined,
        directories: [{ path: v.configDir }, { path: v.dataDir }],
        firewall: firewallSettings(v, neighbours),
        minimumDocker: v.minimumDocker,
        minimumFreeDisk: v.minimumFreeDisk,
    };
}

function firewallSettings(v: CommonValues, neighbours: Neighbours): FirewallSettings | undefined {
    if (!v.firewall) return undefined;
    const list = (networks: string): string[] => (networks === "" ? [] : networks.split(","));
    return {
        configDir: v.configDir,
        ...neighbours,
        clients: list(v.clientCidrs),
        admins: list(v.adminCidrs),
    };
}

/** The name of an image as the hosts pull it. Pure. */
export const imageOf =
    ({ imageRegistry }: Pick<CommonValues, "imageRegistry">) =>
    (name: string): string =>
        imageRegistry ? `${imageRegistry}/${name}` : name;
