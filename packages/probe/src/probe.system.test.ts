import {
  describeWith,
  startDovecot,
  startNginx,
  startOpensslServer,
  type TlsServer,
} from '@acmex/services';
import { beforeAll, expect, it } from '@jest/globals';
import { anyAddress, probe, type ProbeOptions } from './index.ts';
import { type Pair, selfSigned } from './serving.testing.ts';

let leaf: Pair;
let stray: Pair;
beforeAll(async () => {
  [leaf, stray] = await Promise.all([selfSigned('leaf.test'), selfSigned('stray.test')]);
});
const at = ({ port }: TlsServer, options: Partial<ProbeOptions> = {}) =>
  probe({ host: '127.0.0.1', port, serverName: 'leaf.test', policy: anyAddress, ...options });
const chainOf = (...pairs: readonly Pair[]) => pairs.map(({ der }) => der);
/** The DER of an OCSP response that says nothing but tryLater. RFC 6960 §4.2.1 */
const tryLater = Buffer.of(0x30, 0x03, 0x0a, 0x01, 0x03);

for (const [program, start] of [
  ['openssl', startOpensslServer],
  ['nginx', startNginx],
] as const)
  describeWith([program], `probe of ${program}`, () => {
    it('reads the chain and the stapled response over TLS 1.2 and 1.3', async () => {
      await using server = await start({
        chain: leaf.cert + stray.cert,
        privateKey: leaf.key,
        ocspResponse: tryLater,
      });
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const served = await at(server, { versions: { lowest: version, highest: version } });
        expect(served.protocol).toBe(version);
        expect(served.chain.map((der) => Buffer.from(der))).toContainEqual(stray.der);
        expect(Buffer.from(served.chain[0]!)).toEqual(leaf.der);
        expect(Buffer.from(served.ocspResponse!)).toEqual(tryLater);
      }
    });
  });

describeWith(['dovecot'], 'probe of Dovecot', () => {
  it('reads the chain behind STARTTLS, and names the protocol where it is missing', async () => {
    await using server = await startDovecot({
      chain: leaf.cert + stray.cert,
      privateKey: leaf.key,
    });
    const { chain } = await at(server, { startTls: 'imap' });
    expect(chain.map((der) => Buffer.from(der))).toEqual(chainOf(leaf, stray));
    await expect(at(server)).rejects.toMatchObject({
      code: 'ERR_PROBE_TLS',
      message: expect.stringContaining('use STARTTLS for imap'),
    });
    await expect(at(server, { startTls: 'smtp' })).rejects.toMatchObject({
      code: 'ERR_PROBE_STARTTLS',
    });
  });
});
