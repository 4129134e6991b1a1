// One stack: its config file, its state file, its secrets.
import { Backend } from "./backend";
import { readDeployment, ResourceState, SecretSealer, Snapshot, writeDeployment } from "./checkpoint";
import { ResolvedConfig, resolveConfig } from "./config";
import { Crypter, newCrypter, openCrypter, passphraseFromEnvironment } from "./crypto";
import { Project } from "./project";
import { hasSecure, StackConfigFile } from "./stack-config";
import { isStackType } from "./urn";
import { ValueMap } from "./values";

/** Deriving a key takes a third of a second: once per salt. */
const crypters = new Map<string, Promise<Crypter>>();

function crypterOf(salt: string): Promise<Crypter> {
    let crypter = crypters.get(salt);
    if (!crypter) crypters.set(salt, (crypter = openCrypter(passphraseFromEnvironment(), salt)));
    return crypter;
}

export class Stack {
    readonly config: StackConfigFile;
    private sealer?: Promise<SecretSealer>;

    constructor(
        readonly project: Project,
        readonly name: string,
        readonly backend: Backend,
        configFile?: string,
    ) {
        this.config = configFile ? new StackConfigFile(configFile) : StackConfigFile.of(project.root, name);
    }

    /** The stack's secrets manager; a new stack gets its salt written down. */
    async crypter(): Promise<Crypter> {
        const salt = this.config.salt ?? this.savedSalt();
        if (salt) return crypterOf(salt);
        const crypter = await newCrypter(passphraseFromEnvironment());
        crypters.set(crypter.salt, Promise.resolve(crypter));
        this.config.salt = crypter.salt;
        this.config.save();
        return crypter;
    }

    async resolveConfig(): Promise<ResolvedConfig> {
        const sealed = this.config.entries().some(([, value]) => hasSecure(value));
        return resolveConfig(this.project, this.name, this.config, sealed ? await this.crypter() : undefined);
    }

    async load(): Promise<Snapshot> {
        return readDeployment(this.backend.read(this.project.name, this.name), await this.secretSealer());
    }

    /** A function, as each save happens at once, between two steps. */
    async saver(): Promise<(snapshot: Snapshot) => void> {
        const sealer = await this.secretSealer();
        return (snapshot) => this.backend.write(this.project.name, this.name, writeDeployment(snapshot, sealer));
    }

    private secretSealer(): Promise<SecretSealer> {
        return (this.sealer ??= this.crypter().then((crypter) => new SecretSealer(crypter)));
    }

    private savedSalt(): string | undefined {
        if (!this.backend.exists(this.project.name, this.name)) return undefined;
        return this.backend.read(this.project.name, this.name)?.secrets_providers?.state.salt;
    }
}

export const rootOf = (snapshot: Snapshot): ResourceState | undefined =>
    snapshot.resources.find((state) => isStackType(state.type) && !state.delete);

/** Outputs of any stack of the backend, also while a run is writing them. */
export async function readStackOutputs(backend: Backend, project: string, stack: string): Promise<ValueMap> {
    const deployment = backend.read(project, stack);
    const salt = deployment?.secrets_providers?.state.salt;
    if (!salt) return {};
    const root = deployment.resources?.find((raw) => isStackType(String(raw.type)) && !raw.delete);
    const sealer = new SecretSealer(await crypterOf(salt));
    return sealer.openMap(root?.outputs as Record<string, unknown> | undefined);
}
