import { describe, expect, it } from '@jest/globals';
import { issue, postAs, raw, type TestCa, testCa } from './ca.testing.ts';
import { removeEnded } from './index.ts';

async function kinds(ca: TestCa): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for await (const { key } of ca.storage.list('ca')) {
    const kind = key.split('/')[1] ?? '';
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

describe('the list of revoked certificates', () => {
  it('is renewed while others order, and the operator hears of a failure days before it ends', async () => {
    const ca = await testCa();
    await raw(ca, '/crl');
    const broken = await ca.restarted({
      issuer: { ...ca.issuer, crl: () => Promise.reject(new Error('the HSM is away')) },
    });
    const account = await broken.account();
    await ca.clock.advance({ hours: 90 });
    await postAs(broken, account, '/new-order', {
      identifiers: [{ type: 'dns', value: 'a.test' }],
    });
    await ca.clock.run(broken.server.idle());
    expect(broken.failures).toMatchObject([
      { during: 'renewal of the CRL', error: { message: 'the HSM is away' } },
    ]);
  });
});

describe('what has ended', () => {
  it('a month ago is removed while others order, and certificates and accounts stay', async () => {
    const ca = await testCa({ profiles: { long: { validity: { hours: 24 * 365 } } } });
    const account = await ca.account();
    const { url } = await issue(ca, account, ['a.test', 'b.test']);
    await postAs(ca, account, '/new-order', { identifiers: [{ type: 'dns', value: 'c.test' }] });
    await postAs(ca, account, '/new-authz', { identifier: { type: 'dns', value: 'd.test' } });
    await ca.clock.advance({ hours: 31 * 24 });
    const made = await postAs(ca, account, '/new-order', {
      identifiers: [{ type: 'dns', value: 'a.test' }],
    });
    await ca.clock.run(ca.server.idle());
    expect(await kinds(ca)).toMatchObject({
      account: 1,
      certificate: 1,
      order: 1,
      authorization: 1,
      'account-orders': 1,
      pending: 1,
    });
    expect(await kinds(ca)).not.toHaveProperty('valid-authorization');
    await expect(postAs(ca, account, made.headers.get('location')!)).resolves.toMatchObject({
      json: { status: 'pending' },
    });
    await expect(postAs(ca, account, url)).resolves.toMatchObject({ status: 200 });
    expect(ca.failures).toEqual([]);
  });
  it('leaves what is of use, however soon it is called', async () => {
    const ca = await testCa({ reuseAuthorizations: true });
    const account = await ca.account();
    await issue(ca, account, ['a.test']);
    await removeEnded(ca.storage, { clock: ca.clock, olderThan: { seconds: 0 } });
    await expect(
      postAs(ca, account, '/new-order', { identifiers: [{ type: 'dns', value: 'a.test' }] }),
    ).resolves.toMatchObject({ json: { status: 'ready' } });
  });
});
