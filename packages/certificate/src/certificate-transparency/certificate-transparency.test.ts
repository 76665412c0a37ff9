import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { certificate, keysOf } from '../chain.testing.ts';
import { der } from '../der.ts';
import { readChainCases } from '../verification/chain-cases.testing.ts';
import { readCertificateFields } from '../verification/certificate-fields.ts';
import { x509 } from '../x509.ts';
import { readEmbeddedScts, readSctList, sctListExtension } from './signed-certificate-timestamp.ts';
import { verifyEmbeddedScts } from './verify-scts.ts';

const derOf = (pem: string) => new Uint8Array(new x509.X509Certificate(pem).rawData);
const at = Temporal.Instant.from('2026-06-01T00:00:00Z');

function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes.subarray(8 - length);
}

const vector = (bytes: Uint8Array) => Buffer.concat([number(bytes.length, 2), bytes]);

/** A log, an issuer, and a certificate whose SCT the log signed over the precertificate. */
async function logged({ signedAt = at } = {}) {
  const log = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = log.publicKey.export({ format: 'der', type: 'spki' });
  const id = createHash('sha256').update(spki).digest();
  const signer = await keysOf();
  const keys = await keysOf();
  const ca = { subject: 'CN=CA', issuer: 'CN=CA', keys: signer, signer, ca: true };
  const issuer = derOf(await certificate(ca));
  const leaf = { subject: 'CN=leaf', issuer: 'CN=CA', keys, signer };
  // The same fields without the extension are the TBSCertificate that the log signs.
  const { signed } = readCertificateFields(derOf(await certificate(leaf)));
  const time = number(signedAt.epochMilliseconds, 8);
  const keyHash = createHash('sha256').update(readCertificateFields(issuer).publicKey).digest();
  const data = [number(0, 2), time, number(1, 2), keyHash, number(signed.length, 3), signed];
  const signature = sign('sha256', Buffer.concat([...data, number(0, 2)]), log.privateKey);
  const sct = [number(0, 1), id, time, number(0, 2), Uint8Array.of(4, 3), vector(signature)];
  const list = vector(vector(Buffer.concat(sct)));
  const extension = new x509.Extension(sctListExtension, false, Uint8Array.from(der(4, list)));
  const withSct = derOf(await certificate({ ...leaf, extensions: [extension] }));
  const entry = { log_id: id.toString('base64'), key: spki.toString('base64') };
  return { issuer, leaf: withSct, list, entry, id: id.toString('hex') };
}

const statuses = (
  { leaf, issuer }: { leaf: Uint8Array; issuer: Uint8Array },
  ...logs: Parameters<typeof verifyEmbeddedScts>[2]['logs']['operators'][number]['logs'] & object
) =>
  verifyEmbeddedScts(leaf, issuer, { logs: { operators: [{ logs }] }, at }).map(
    ({ status }) => status,
  );

describe('Signed certificate timestamps', () => {
  it('are read from public certificates', () => {
    const cases = readChainCases(
      new URL('../../fixtures/chain-cases/cases.json.gz', import.meta.url).pathname,
    ).filter(({ id }) => id.startsWith('online::'));
    expect(cases).toHaveLength(14);
    for (const { peer_certificate: pem } of cases) {
      const scts = readEmbeddedScts(derOf(pem));
      expect(scts.length).toBeGreaterThanOrEqual(2);
      for (const { hashAlgorithm, timestamp } of scts) {
        expect(hashAlgorithm).toBe(4);
        expect(timestamp.toString()).toMatch(/^20[12]\d-/);
      }
    }
  });

  it('are valid when a known log signed them over the precertificate', async () => {
    const chain = await logged();
    expect(readEmbeddedScts(chain.leaf)).toMatchObject([{ logId: chain.id, timestamp: at }]);
    expect(statuses(chain, chain.entry)).toEqual(['valid']);
  });

  it('are not valid for an unknown log, or one whose id is not that of its key', async () => {
    const chain = await logged();
    const { entry: stranger } = await logged();
    expect(statuses(chain)).toEqual(['unknown-log']);
    expect(statuses(chain, { ...chain.entry, key: stranger.key })).toEqual(['unknown-log']);
  });

  it('are not valid for the certificate of a different issuer', async () => {
    const chain = await logged();
    const { issuer } = await logged();
    expect(statuses({ ...chain, issuer }, chain.entry)).toEqual(['wrong-signature']);
  });

  it('are not valid from the future or from a retired log', async () => {
    const future = await logged({ signedAt: at.add({ milliseconds: 1 }) });
    expect(statuses(future, future.entry)).toEqual(['timestamp-in-future']);
    const chain = await logged();
    const retired = { ...chain.entry, state: { retired: { timestamp: '2026-01-01T00:00:00Z' } } };
    expect(statuses(chain, retired)).toEqual(['log-retired']);
  });

  it('are refused when the list is cut off anywhere, empty, or has bytes after it', async () => {
    const { list } = await logged();
    expect(readSctList(list)).toHaveLength(1);
    for (let end = 0; end < list.length; end += 1)
      expect(() => readSctList(list.subarray(0, end))).toThrow(/cut off/);
    expect(() => readSctList(Buffer.concat([list, Uint8Array.of(0)]))).toThrow(/after the end/);
    expect(() => readSctList(Uint8Array.of(0, 0))).toThrow(/empty/);
  });
});
