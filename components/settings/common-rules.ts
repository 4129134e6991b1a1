import { wholeNetwork } from "../firewall";
import { GENERATION_RULES } from "./generation-rules";
import { Key } from "./key";
import { CommonValues } from "./keys";
import { none, Problem, problem, Rule } from "./problem";
import { TLS_RULES } from "./tls-rules";

/** Two settings of one system's keys that name the same port. */
const portsDoNotClash =
    (keys: Record<string, Key>): Rule<object> =>
    (settings) => {
        const users = new Map<number, string>();
        const problems: Problem[] = [];
        for (const key of Object.keys(keys)) {
            // A port that could not be read does not hide a clash of two others. sshPort comes first: it is never the one to change.
            if (keys[key]!.kind !== "port" || !(key in settings)) continue;
            const port = (settings as Record<string, number>)[key]!;
            const other = users.get(port);
            if (other)
                problems.push({
                    key,
                    message: `${port} is also ${other}; all services share the host's ports, so write a free one`,
                });
            else users.set(port, key);
        }
        return problems;
    };

/** Whether a path is another one, or lies in it. */
export const within = (inner: string, outer: string): boolean => inner === outer || inner.startsWith(`${outer}/`);

const dataApart: Rule<CommonValues> = ({ configDir, dataDir }) =>
    within(dataDir, configDir) || within(configDir, dataDir)
        ? problem(
              "dataDir",
              `"${dataDir}" and configDir ("${configDir}") lie in each other; data outlives destroy, configuration does not`,
          )
        : none;

// 192.168.110.5/24 may mean the network or the one address; who is let in must not be a guess.
const networksAreWhole: Rule<CommonValues> = (settings) =>
    (["clientCidrs", "adminCidrs"] as const).flatMap((key) =>
        settings[key]
            .split(",")
            .filter((network) => network !== "" && wholeNetwork(network) !== network)
            .flatMap((network) =>
                problem(
                    key,
                    `"${network}" is an address in a network, not a network; write "${wholeNetwork(network)}", or "${network.split("/")[0]}/32" for that address alone`,
                ),
            ),
    );

/** Rules of every system, for one with these keys. */
export const commonRules = (keys: Record<string, Key>): Rule<CommonValues>[] => [
    portsDoNotClash(keys),
    networksAreWhole,
    dataApart,
    ...TLS_RULES,
    ...GENERATION_RULES,
];
