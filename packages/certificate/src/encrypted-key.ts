import { createCipheriv, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { der, objectIdentifier } from './der.ts';
import { CertificateError } from './errors.ts';
import { toPem } from './pem.ts';
import type { PrivateKey } from './private-key.ts';

/** Rounds of PBKDF2 with HMAC-SHA-256, as OWASP recommends: Node.js and OpenSSL take 2,048. */
const rounds = 600_000;

const oids = {
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacWithSha256: '1.2.840.113549.2.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
};

/**
 * Encrypts a key with a passphrase: PKCS#8 with PBES2, PBKDF2 of 600,000 rounds, and AES-256. Each
 * guess of the passphrase costs those rounds. RFC 8018 §6.2
 * @returns PEM
 * @throws CertificateError `ERR_KEY_NOT_EXPORTABLE`
 */
export async function encryptedPrivateKeyPem(
  key: PrivateKey,
  passphrase: string,
): Promise<Uint8Array> {
  if (!key.export)
    throw new CertificateError(
      'ERR_KEY_NOT_EXPORTABLE',
      `the ${key.type} key cannot leave the place where it is stored`,
    );
  const clear = await key.export();
  try {
    const [salt, vector] = [randomBytes(16), randomBytes(16)];
    const secret = await promisify(pbkdf2)(passphrase, salt, rounds, 32, 'sha256');
    const cipher = createCipheriv('aes-256-cbc', secret, vector);
    const encrypted = Buffer.concat([cipher.update(clear), cipher.final()]);
    secret.fill(0);
    const algorithm = sequence(
      objectIdentifier(oids.pbes2),
      sequence(
        sequence(objectIdentifier(oids.pbkdf2), derivation(salt)),
        sequence(objectIdentifier(oids.aes256Cbc), der(0x04, vector)),
      ),
    );
    return toPem('ENCRYPTED PRIVATE KEY', sequence(algorithm, der(0x04, encrypted)));
  } finally {
    clear.fill(0);
  }
}

/** The parameters of PBKDF2. RFC 8018 §A.2 */
function derivation(salt: Uint8Array): Uint8Array {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(rounds);
  return sequence(
    der(0x04, salt),
    der(0x02, count.subarray(1)),
    sequence(objectIdentifier(oids.hmacWithSha256), der(0x05)),
  );
}

function sequence(...contents: readonly Uint8Array[]): Uint8Array {
  return der(0x30, ...contents);
}
