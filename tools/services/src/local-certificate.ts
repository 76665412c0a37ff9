import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  cryptoProvider,
} from '@peculiar/x509';
import { type Clock, systemClock } from '@acmex/clock';

export interface LocalCertificate {
  /** The certificate of a CA made for this one occasion, PEM. */
  readonly caCertificate: string;
  /** The certificate that it issued to localhost, 127.0.0.1 and ::1, PEM. */
  readonly certificate: string;
  /** The private key of that certificate, PKCS#8 PEM. */
  readonly privateKey: string;
}

const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/**
 * A certificate for a server on this machine, and the CA that a client trusts to reach it; both are
 * valid for a day.
 */
export async function localCertificate(clock: Clock = systemClock): Promise<LocalCertificate> {
  cryptoProvider.set(crypto);
  const now = clock.now();
  const validity = {
    notBefore: new Date(now.subtract({ hours: 1 }).epochMilliseconds),
    notAfter: new Date(now.add({ hours: 24 }).epochMilliseconds),
    signingAlgorithm,
  };
  const [authority, server] = await Promise.all([generateKeys(), generateKeys()]);
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: 'CN=AcmeX test CA',
    keys: authority,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const certificate = await X509CertificateGenerator.create({
    ...validity,
    subject: 'CN=localhost',
    issuer: ca.subject,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    ],
  });
  const privateKey = PemConverter.encode(
    await crypto.subtle.exportKey('pkcs8', server.privateKey),
    'PRIVATE KEY',
  );
  return {
    caCertificate: ca.toString('pem'),
    certificate: certificate.toString('pem'),
    privateKey,
  };
}

const generateKeys = () =>
  crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
