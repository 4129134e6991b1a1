/** What differs between the systems when their secrets are made anew. */
import { AnyValues } from "../../components/settings/keys";
import type { AnyNode } from "../deployment";
import { apmRotation } from "./apm";
import type { AnySecretName } from "./generations";
import type { Looker } from "./lookers";
import { pairRotation } from "./pair";

/** What a secret is called, and what its rotation does. */
export interface Explanation {
    what: string;
    /** While it goes on, and afterwards. */
    effect: string;
}

/** The secrets N of a system with settings V. */
export interface RotationSystem<N extends AnySecretName = AnySecretName, V extends AnyValues = AnyValues> {
    names: readonly N[];
    /** Which secret each credential is. */
    secretOf: Record<string, N>;
    explanations: Record<N, Explanation>;
    /** Why there is no such secret here; undefined when there is. */
    notHere(name: N, v: V): string | undefined;
    /** Ports at which each kind of a node's certificates is shown, by whom. */
    certificatePorts(v: V): Record<string, number>;
    /** A file on the host: certificate and key that the others believe. */
    identityFile(v: V): string;
    /** Where who has them is let in, and who has those of another CA is not. */
    identityDoor(node: AnyNode & { values: V }): string;
    /** How each is tried. */
    looks: Record<N, Looker<V>>;
}

/** Of whichever system. */
export const rotationOf = ({ system }: Pick<AnyValues, "system">): RotationSystem =>
    (system === "apm" ? apmRotation() : pairRotation()) as unknown as RotationSystem;

/** The credential that a secret is, or the first of them. */
export function credentialOf(v: Pick<AnyValues, "system">, name: AnySecretName): string {
    const { secretOf } = rotationOf(v);
    return Object.keys(secretOf).find((key) => secretOf[key] === name)!;
}
