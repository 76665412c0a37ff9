import { ariCertificateId } from '@acmex/certificate';
import { getRenewalInfo } from '@acmex/protocol';
import { describe, expect, it } from '@jest/globals';
import { issue, postAs, raw, testCa } from './ca.testing.ts';
import { moveRenewalWindow, restoreRenewalWindow } from './index.ts';

describe('renewal information', () => {
  it('is for anyone to read, says when to ask again, and suggests the last third', async () => {
    const ca = await testCa({
      profiles: { usual: { validity: { hours: 30 * 24 }, backdate: { hours: 0 } } },
    });
    const account = await ca.account();
    const { leaf } = await issue(ca, account, ['a.test']);
    const start = leaf.notBefore.add({ hours: 20 * 24 }).toString();
    const end = leaf.notBefore.add({ hours: 21 * 24 }).toString();
    const answer = await raw(ca, `/renewal-info/${ariCertificateId(leaf)}`);
    expect(answer).toMatchObject({ status: 200, json: { suggestedWindow: { start, end } } });
    expect(answer.headers.get('retry-after')).toBe('21600');
    expect(answer.text).not.toContain('explanationURL');
    await expect(
      ca.clock.run(getRenewalInfo(account.session, ariCertificateId(leaf))),
    ).resolves.toMatchObject({ suggestedWindow: { start } });
  });
  it('of a certificate that there is not is 404', async () => {
    const ca = await testCa();
    for (const id of [
      'x',
      'AAAA.AAAA',
      '.',
      '..',
      'AAAA.',
      'AAAA.AAAA.AAAA',
      '%2e%2e',
      'a'.repeat(200),
    ])
      await expect(raw(ca, `/renewal-info/${id}`)).resolves.toMatchObject({
        status: 404,
        problem: 'malformed',
      });
  });
  it('of a revoked certificate suggests to renew at once', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { leaf } = await issue(ca, account, ['a.test']);
    await postAs(ca, account, '/revoke-cert', {
      certificate: Buffer.from(leaf.der).toString('base64url'),
    });
    const { json } = await raw(ca, `/renewal-info/${ariCertificateId(leaf)}`);
    expect((json?.suggestedWindow as { end: string }).end < ca.clock.now().toString()).toBe(true);
  });
  it('can be moved for all certificates, with a reason, and those that come later keep their own', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const { leaf } = await issue(ca, account, ['a.test']);
    const original = await raw(ca, `/renewal-info/${ariCertificateId(leaf)}`);
    await ca.clock.advance({ minutes: 1 });
    await moveRenewalWindow(
      ca.storage,
      {
        start: '2026-06-01T00:00:00Z',
        end: '2026-06-02T00:00:00Z',
        explanationUrl: 'https://ca.test/incident',
      },
      { clock: ca.clock },
    );
    await expect(raw(ca, `/renewal-info/${ariCertificateId(leaf)}`)).resolves.toMatchObject({
      json: {
        suggestedWindow: { start: '2026-06-01T00:00:00Z', end: '2026-06-02T00:00:00Z' },
        explanationURL: 'https://ca.test/incident',
      },
    });
    await ca.clock.advance({ minutes: 1 });
    const { leaf: later } = await issue(ca, account, ['a.test'], {
      replaces: ariCertificateId(leaf),
    });
    expect((await raw(ca, `/renewal-info/${ariCertificateId(later)}`)).json).not.toHaveProperty(
      'explanationURL',
    );
    await restoreRenewalWindow(ca.storage);
    await expect(raw(ca, `/renewal-info/${ariCertificateId(leaf)}`)).resolves.toMatchObject({
      json: original.json,
    });
  });
  it('can be moved for one certificate', async () => {
    const ca = await testCa();
    const account = await ca.account();
    const [moved, unchanged] = [
      await issue(ca, account, ['a.test']),
      await issue(ca, account, ['a.test']),
    ];
    await moveRenewalWindow(ca.storage, {
      serialNumber: moved.leaf.serialNumber,
      start: '2026-06-01T00:00:00Z',
      end: '2026-06-02T00:00:00Z',
    });
    await expect(raw(ca, `/renewal-info/${ariCertificateId(moved.leaf)}`)).resolves.toMatchObject({
      json: { suggestedWindow: { start: '2026-06-01T00:00:00Z' } },
    });
    await expect(
      raw(ca, `/renewal-info/${ariCertificateId(unchanged.leaf)}`),
    ).resolves.not.toMatchObject({ json: { suggestedWindow: { start: '2026-06-01T00:00:00Z' } } });
    await expect(
      moveRenewalWindow(ca.storage, { start: '2026-06-02T00:00:00Z', end: '2026-06-02T00:00:00Z' }),
    ).rejects.toMatchObject({ code: 'ERR_CA_WINDOW' });
  });
});
