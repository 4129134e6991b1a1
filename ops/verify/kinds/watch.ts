import { Inquiry, NOTHING } from "../model";
import { lineOf, StateResource } from "../state";
import { rootLine } from "./opensearch";

const INSTALL = /^(?:sudo -n )?\S+\/watch-containers install /;

/** What installs the host's own service that watches containers. Pure. */
export const watchInstallation = (resources: StateResource[]): StateResource | undefined =>
    resources.find((resource) => INSTALL.test(lineOf(resource)));

/** A service of the host itself, in no container: its own script tells what is not as it was installed. Pure. */
export function watch(resources: StateResource[]): Inquiry {
    const installed = watchInstallation(resources);
    if (!installed) return { settings: { WATCH: "" }, judge: () => NOTHING };
    const line = rootLine(installed).replace("/watch-containers install ", "/watch-containers check ");
    return {
        settings: { WATCH: line },
        judge: (said) => {
            const lines = said.watch ?? [];
            if (lines.at(-1) !== "told")
                return {
                    findings: [],
                    unknown: [`the watch of containers was not looked at: ${lines.at(-1) ?? "no answer"}`],
                };
            const findings = lines.slice(0, -1).map((found) => ({
                ...{ kind: "service" as const, subject: "watch-containers", property: "state" },
                ...{ expected: "as it was installed", found, urn: installed.urn },
            }));
            return { findings, unknown: [] };
        },
    };
}
