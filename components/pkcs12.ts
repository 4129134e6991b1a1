import { createCipheriv, createHash, createHmac, createPrivateKey, pbkdf2Sync, X509Certificate } from "crypto";

// For programs that read no PEM. Structure: RFC 7292; encryption of the key: PBES2 of RFC 8018. Both are what OpenSSL 3 and Java 17 write themselves.

const OID = {
    data: "2a864886f70d010701",
    shroudedKey: "2a864886f70d010c0a0102",
    certificate: "2a864886f70d010c0a0103",
    x509: "2a864886f70d01091601",
    friendlyName: "2a864886f70d010914",
    localKeyId: "2a864886f70d010915",
    pbes2: "2a864886f70d01050d",
    pbkdf2: "2a864886f70d01050c",
    hmacSha256: "2a864886f70d0209",
    aes256Cbc: "60864801650304012a",
    sha256: "608648016503040201",
};

const ITERATIONS = 10_000;

const SEQUENCE = 0x30;
const SET = 0x31;
const OCTETS = 0x04;
const INTEGER = 0x02;
const EXPLICIT_0 = 0xa0;
const BMP_STRING = 0x1e;

function der(tag: number, ...parts: Buffer[]): Buffer {
    const content = Buffer.concat(parts);
    const { length } = content;
    if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
    const hex = length.toString(16);
    const size = Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex");
    return Buffer.concat([Buffer.from([tag, 0x80 | size.length]), size, content]);
}

const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, "hex"));
const nothing = Buffer.from([0x05, 0x00]);

// Big-endian, and positive: the first bit is a sign.
function integer(value: number): Buffer {
    const hex = value.toString(16);
    const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, "hex");
    return der(INTEGER, ...(bytes[0]! >= 0x80 ? [Buffer.from([0])] : []), bytes);
}

const bmp = (text: string): Buffer => Buffer.from(text, "utf16le").swap16();

const attribute = (type: string, value: Buffer): Buffer => der(SEQUENCE, oid(type), der(SET, value));
const bag = (type: string, value: Buffer, attributes: Buffer[]): Buffer =>
    der(SEQUENCE, oid(type), der(EXPLICIT_0, value), ...(attributes.length > 0 ? [der(SET, ...attributes)] : []));
const content = (value: Buffer): Buffer => der(SEQUENCE, oid(OID.data), der(EXPLICIT_0, der(OCTETS, value)));

/** What goes into a key store. */
export interface KeyStore {
    /** DER of the certificate, and of those that issued it, in this order. */
    chain: Buffer[];
    /** PKCS #8, DER. */
    key: Buffer;
    /** Name of the entry. @example "data-prepper" */
    alias: string;
    /** Of the store and of the key. */
    password: string;
}

function encryptedKey(key: Buffer, password: string, salt: Buffer, iv: Buffer): Buffer {
    const secret = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha256");
    const cipher = createCipheriv("aes-256-cbc", secret, iv);
    const derivation = der(
        SEQUENCE,
        oid(OID.pbkdf2),
        der(SEQUENCE, der(OCTETS, salt), integer(ITERATIONS), der(SEQUENCE, oid(OID.hmacSha256), nothing)),
    );
    const scheme = der(SEQUENCE, oid(OID.aes256Cbc), der(OCTETS, iv));
    return der(
        SEQUENCE,
        der(SEQUENCE, oid(OID.pbes2), der(SEQUENCE, derivation, scheme)),
        der(OCTETS, cipher.update(key), cipher.final()),
    );
}

// RFC 7292, appendix B.2, for one block of SHA-256.
function macKey(password: string, salt: Buffer): Buffer {
    const block = 64;
    const filled = (value: Buffer): Buffer => {
        const size = Math.ceil(value.length / block) * block;
        return Buffer.concat(Array(Math.ceil(size / value.length)).fill(value) as Buffer[]).subarray(0, size);
    };
    let digest = Buffer.concat([Buffer.alloc(block, 3), filled(salt), filled(bmp(`${password}\0`))]);
    for (let round = 0; round < ITERATIONS; round++) digest = createHash("sha256").update(digest).digest();
    return digest;
}

/**
 * A key with its certificate, as PKCS #12. The same input gives the same bytes, or each run would find another file: what is random elsewhere is drawn
 * from the key here. Pure.
 */
export function pkcs12({ chain, key, alias, password }: KeyStore): Buffer {
    const drawn = (use: string): Buffer => createHash("sha256").update(key).update(use).digest();
    const keyId = attribute(OID.localKeyId, der(OCTETS, createHash("sha1").update(chain[0]!).digest()));
    const named = [attribute(OID.friendlyName, der(BMP_STRING, bmp(alias))), keyId];
    const certificates = chain.map((one, index) =>
        bag(OID.certificate, der(SEQUENCE, oid(OID.x509), der(EXPLICIT_0, der(OCTETS, one))), index === 0 ? named : []),
    );
    const shrouded = bag(
        OID.shroudedKey,
        encryptedKey(key, password, drawn("salt").subarray(0, 16), drawn("iv").subarray(0, 16)),
        named,
    );
    const safe = der(SEQUENCE, content(der(SEQUENCE, ...certificates)), content(der(SEQUENCE, shrouded)));
    const salt = drawn("mac").subarray(0, 16);
    const mac = createHmac("sha256", macKey(password, salt)).update(safe).digest();
    return der(
        SEQUENCE,
        integer(3),
        content(safe),
        der(
            SEQUENCE,
            der(SEQUENCE, der(SEQUENCE, oid(OID.sha256), nothing), der(OCTETS, mac)),
            der(OCTETS, salt),
            integer(ITERATIONS),
        ),
    );
}

/** The same from PEM. Errors: something that is no certificate or key. Pure. */
export function pkcs12OfPem(chain: X509Certificate[], key: string, alias: string, password: string): Buffer {
    return pkcs12({
        chain: chain.map(({ raw }) => raw),
        key: createPrivateKey(key).export({ type: "pkcs8", format: "der" }),
        alias,
        password,
    });
}
