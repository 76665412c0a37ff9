// A large revocation list: written once, and read by a process that looks up one certificate.
import { open as openFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createDevelopmentAuthority, issuerOf } from '@acmex/ca';
import { parseCertificate, webcrypto } from '@acmex/certificate';
import { der, objectIdentifier, readCertificateFields } from '@acmex/certificate/structure';
import { checkRevocation } from '@acmex/revocation';
import { Temporal } from 'temporal-polyfill';

/** Looks up a certificate in the list of a file. Called by `child.mjs`. */
export async function open({ file, certificate, issuer }) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  return {
    async issue() {
      delay.enable();
      const { status } = await checkRevocation(
        Buffer.from(certificate, 'base64'),
        Buffer.from(issuer, 'base64'),
        { lists: [createReadStream(file)], isOnline: false },
      );
      delay.disable();
      if (status !== 'good') throw new Error(`the certificate is ${status}`);
    },
    figures: () => ({ longestDelay: delay.max / 1e6 }),
    close: () => undefined,
  };
}

/** Writes a signed list of so many entries. @returns what `open` takes, and the list's length */
export async function writeList(file, count) {
  const { issuing, issuingKey } = await createDevelopmentAuthority();
  const key = await webcrypto().import(issuingKey);
  const now = Temporal.Now.instant();
  const [chain] = await issuerOf({ chain: issuing, key }).issue({
    serialNumber: '4000',
    identifiers: [{ type: 'dns', value: 'name.test' }],
    publicKey: key.publicKey,
    ...{ rsa: false, notBefore: now, notAfter: now.add({ hours: 1 }), mustStaple: false },
    usages: ['serverAuth'],
    ...{ issuerUrl: 'http://ca.test/issuer', crlUrl: 'http://ca.test/crl' },
  });
  const issuer = parseCertificate(issuing).der;
  const list = await signedList(readCertificateFields(issuer), key, count);
  await using handle = await openFile(file, 'w');
  await handle.writeFile(list);
  const text = (bytes) => Buffer.from(bytes).toString('base64');
  return {
    length: list.length,
    task: { file, certificate: text(parseCertificate(chain).der), issuer: text(issuer) },
  };
}

async function signedList({ subject }, key, count) {
  const algorithm = der(0x30, objectIdentifier('1.2.840.10045.4.3.2'));
  const time = (text) => der(0x17, Buffer.from(text));
  const year = new Date().getUTCFullYear() % 100;
  const reason = der(0x30, objectIdentifier('2.5.29.21'), der(4, Uint8Array.of(0x0a, 1, 1)));
  const tail = Buffer.concat([time(`${year}0101000000Z`), der(0x30, reason)]);
  const entries = Array.from({ length: count }, (_, index) => {
    const serial = Buffer.alloc(16, 0x41);
    serial.writeUInt32BE(index, 12);
    return der(0x30, der(2, serial), tail);
  });
  const number = der(0x30, objectIdentifier('2.5.29.20'), der(4, Uint8Array.of(2, 1, 1)));
  const content = der(
    0x30,
    Uint8Array.of(2, 1, 1),
    algorithm,
    subject.encoded,
    time(`${year}0101000000Z`),
    time(`${year + 2}0101000000Z`),
    der(0x30, Buffer.concat(entries)),
    der(0xa0, der(0x30, number)),
  );
  const signature = await key.sign(content);
  return der(0x30, content, algorithm, der(3, Uint8Array.of(0), signature));
}
