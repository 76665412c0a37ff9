import { createPrivateKey, type KeyObject, randomUUID, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '@acmex/clock';
import { DnsError, reveal, type Secret, unreadableText } from '@acmex/dns';
import { SignJWT } from 'jose';

/** A certificate that a service principal is known by. */
export interface ClientCertificate {
  /**
   * A PEM file with the certificate and its private key; a chain in it is not used. It is read for each token, so that it can be renewed.
   */
  readonly clientCertificateFile: string;
  /** Of the private key, if it is encrypted. */
  readonly clientCertificatePassword?: Secret;
}

const provider = 'azure';
/** Microsoft recommends five to ten minutes. */
const lifetimeSeconds = 600;

/**
 * Returns a JWT by which a service principal proves who it is.
 *
 * @throws DnsError `ERR_DNS_CREDENTIALS` for a file that cannot be read or used
 * @see https://learn.microsoft.com/entra/identity-platform/certificate-credentials
 */
export async function clientAssertion(
  certificate: ClientCertificate,
  { clientId, audience, clock }: ClientAssertion,
): Promise<string> {
  const { key, thumbprint } = await readCertificate(certificate);
  const seconds = Math.floor(clock.now().epochMilliseconds / 1000);
  return await new SignJWT()
    .setProtectedHeader({ alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt(seconds)
    .setNotBefore(seconds)
    .setExpirationTime(seconds + lifetimeSeconds)
    .sign(key);
}

interface ClientAssertion {
  readonly clientId: string;
  /** The URL of the token endpoint. */
  readonly audience: string;
  readonly clock: Clock;
}

async function readCertificate({
  clientCertificateFile: file,
  clientCertificatePassword: password,
}: ClientCertificate): Promise<{ readonly key: KeyObject; readonly thumbprint: string }> {
  const pem = await readFile(file, 'latin1').catch((cause: unknown) => {
    throw refusal(
      file,
      `cannot be read (${unreadableText(cause)}): check its path and its owner`,
      cause,
    );
  });
  const [keyText] = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]+?-----END \1-----/.exec(pem) ?? [];
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (keyText === undefined || !certificates)
    throw refusal(
      file,
      `has no ${certificates ? 'private key' : 'certificate'} in PEM: write both into it; acmex convert makes it from a PKCS#12 file`,
    );
  const key = await privateKey(file, keyText, password);
  if (key.asymmetricKeyType !== 'rsa')
    throw refusal(file, `has a key of type ${key.asymmetricKeyType}: Microsoft Entra ID needs RSA`);
  const [certificate] = certificates.map(parsed(file)).filter((each) => each.checkPrivateKey(key));
  if (!certificate)
    throw refusal(file, 'has no certificate for its private key: use the two that belong together');
  return { key, thumbprint: thumbprintOf(certificate) };
}

async function privateKey(
  file: string,
  text: string,
  password: Secret | undefined,
): Promise<KeyObject> {
  const isEncrypted = /ENCRYPTED/.test(text);
  if (isEncrypted && password === undefined)
    throw refusal(file, 'has an encrypted private key: use clientCertificatePassword');
  const passphrase =
    isEncrypted && password !== undefined
      ? await reveal(password, { provider, what: 'the password of the client certificate' })
      : undefined;
  try {
    return createPrivateKey({ key: text, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    // What OpenSSL says may have the password beside it.
    throw refusal(
      file,
      isEncrypted
        ? 'has a private key that does not open with this password: check clientCertificatePassword'
        : 'has a private key that cannot be read: export it again',
    );
  }
}

function parsed(file: string): (pem: string) => X509Certificate {
  return (pem) => {
    try {
      return new X509Certificate(pem);
    } catch (cause) {
      throw refusal(file, 'has a certificate that cannot be read: export it again', cause);
    }
  };
}

/** RFC 7515 §4.1.8 */
function thumbprintOf({ fingerprint256 }: X509Certificate): string {
  return Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
}

function refusal(file: string, why: string, cause?: unknown): DnsError {
  return new DnsError(
    'ERR_DNS_CREDENTIALS',
    `azure: the client certificate ${file} ${why}`,
    cause === undefined ? undefined : { cause },
  );
}
