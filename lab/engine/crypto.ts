// The CLI's passphrase secrets manager: AES-256-GCM, key by PBKDF2. Values are `v1:nonce:ciphertext+tag`, a stack's
// salt line is `v1:salt:` followed by the encrypted word "pulumi", which tells a wrong passphrase from a right one.
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { promisify } from "node:util";
import { UserError } from "./errors";

const ITERATIONS = 1_000_000;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const CHECK_WORD = "pulumi";

/** Encrypts and decrypts the secrets of one stack. */
export interface Crypter {
    /** The stack's `encryptionsalt`. */
    readonly salt: string;
    encrypt(text: string): string;
    decrypt(ciphertext: string): string;
}

class PassphraseCrypter implements Crypter {
    constructor(
        readonly salt: string,
        private readonly key: Buffer,
    ) {}

    encrypt(text: string): string {
        const nonce = crypto.randomBytes(12);
        const cipher = crypto.createCipheriv("aes-256-gcm", this.key, nonce);
        const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
        return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
    }

    decrypt(ciphertext: string): string {
        const [version, nonce, sealedText] = ciphertext.split(":");
        if (version !== "v1" || !sealedText) throw new UserError("malformed ciphertext");
        const sealed = Buffer.from(sealedText, "base64");
        const decipher = crypto.createDecipheriv("aes-256-gcm", this.key, Buffer.from(nonce, "base64"));
        decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
        const text = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES), undefined, "utf8");
        return text + decipher.final("utf8");
    }
}

const deriveKey = (passphrase: string, salt: Buffer) =>
    promisify(crypto.pbkdf2)(passphrase, salt, ITERATIONS, KEY_BYTES, "sha256");

/** PULUMI_CONFIG_PASSPHRASE or the content of PULUMI_CONFIG_PASSPHRASE_FILE. */
export function passphraseFromEnvironment(env: NodeJS.ProcessEnv = process.env): string {
    if (env.PULUMI_CONFIG_PASSPHRASE !== undefined) return env.PULUMI_CONFIG_PASSPHRASE;
    if (env.PULUMI_CONFIG_PASSPHRASE_FILE) {
        return fs.readFileSync(env.PULUMI_CONFIG_PASSPHRASE_FILE, "utf8").trim();
    }
    throw new UserError(
        'constructing secrets manager of type "passphrase": unable to find either `PULUMI_CONFIG_PASSPHRASE` or ' +
            "`PULUMI_CONFIG_PASSPHRASE_FILE` when trying to access the Passphrase Secrets Provider; please ensure one of these " +
            "environment variables is set to allow the operation to continue",
    );
}

export async function newCrypter(passphrase: string): Promise<Crypter> {
    const salt = crypto.randomBytes(8);
    const key = await deriveKey(passphrase, salt);
    const check = new PassphraseCrypter("", key).encrypt(CHECK_WORD);
    return new PassphraseCrypter(`v1:${salt.toString("base64")}:${check}`, key);
}

export async function openCrypter(passphrase: string, saltLine: string): Promise<Crypter> {
    const [version, salt, ...check] = saltLine.split(":");
    if (version !== "v1" || check.length !== 3) throw new UserError("malformed encryptionsalt");
    const crypter = new PassphraseCrypter(saltLine, await deriveKey(passphrase, Buffer.from(salt, "base64")));
    try {
        if (crypter.decrypt(check.join(":")) === CHECK_WORD) return crypter;
    } catch {
        // A wrong key shows as a failed authentication tag.
    }
    throw new UserError("incorrect passphrase");
}
