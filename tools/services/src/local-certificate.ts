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
  const x509 = await loadX509();
  x509.cryptoProvider.set(crypto);
  const now = clock.now();
  const validity = {
    notBefore: new Date(now.subtract({ hours: 1 }).epochMilliseconds),
    notAfter: new Date(now.add({ hours: 24 }).epochMilliseconds),
    signingAlgorithm,
  };
  const [authority, server] = await Promise.all([generateKeys(), generateKeys()]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: 'CN=AcmeX test CA',
    keys: authority,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
    ],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity,
    subject: 'CN=localhost',
    issuer: ca.subject,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  });
  const privateKey = x509.PemConverter.encode(
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

/** Loads the library when a certificate is made: a third of a second, which few tests need. */
async function loadX509() {
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}
