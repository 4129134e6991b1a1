import { AnyKeyName, CommonValues } from "./keys";

/** A known limit of the settings as they are, with the key that lifts it. */
export interface Warning {
    key: AnyKeyName;
    message: string;
}

/** Asks settings V for one. */
export type Limit<V> = (settings: V) => Warning[];

const noFirewall: Limit<CommonValues> = ({ firewall }) =>
    firewall
        ? []
        : [
              {
                  key: "firewall",
                  message:
                      "false: whoever reaches the hosts reaches every port of the stack; true closes what is not needed",
              },
          ];

const everybodyIsAdmin: Limit<CommonValues> = ({ firewall, adminCidrs }) => {
    const everywhere = adminCidrs.split(",").find((network) => network.endsWith("/0"));
    if (!firewall || everywhere === undefined) return [];
    return [
        {
            key: "adminCidrs",
            message: `"${everywhere}" lets everybody reach each service by itself; name the networks of those who operate the hosts`,
        },
    ];
};

const noTls: Limit<CommonValues> = ({ tls }) =>
    tls === "off"
        ? [
              {
                  key: "tls",
                  message:
                      "off: whoever is on the way between clients and hosts, or between the hosts, reads and changes everything; internal lifts that",
              },
          ]
        : [];

/** Known limits of every system. */
export const COMMON_LIMITS: Limit<CommonValues>[] = [noFirewall, everybodyIsAdmin, noTls];
