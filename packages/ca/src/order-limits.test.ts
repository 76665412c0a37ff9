import { expect, it } from '@jest/globals';
import { ariCertificateId, parseChain } from '@acmex/certificate';
import { issue, testCa } from './ca.testing.ts';

const week = { days: 7 };
const orderLimits = {
  orders: { tokens: 3, every: { hours: 3 } },
  certificatesPerDomain: { tokens: 2, every: week },
  certificatesPerNames: { tokens: 2, every: week },
  failedValidations: { tokens: 1, every: { hours: 1 } },
  domainOf: (name: string) => name.split('.').slice(-2).join('.'),
};

it('refuses the certificates of a domain over their limit, and orders again as time goes by', async () => {
  const ca = await testCa({ orderLimits });
  const account = await ca.account();
  await issue(ca, account, ['a.x.test']);
  await issue(ca, account, ['b.x.test']);
  await expect(issue(ca, account, ['c.x.test'])).rejects.toMatchObject({
    code: 'ERR_ACME_RATE_LIMITED',
    status: 429,
    message: expect.stringContaining('too many certificates (2) already issued for "x.test"'),
  });
  await ca.clock.advance({ hours: 85 });
  await issue(ca, account, ['c.x.test']);
});

it('exempts the same names from the limits of orders and domains, not from that of the names', async () => {
  const ca = await testCa({ orderLimits });
  const account = await ca.account();
  await issue(ca, account, ['a.x.test']);
  await issue(ca, account, ['b.x.test']);
  await issue(ca, account, ['a.x.test']);
  await expect(issue(ca, account, ['a.x.test'])).rejects.toMatchObject({
    message: expect.stringContaining('for this exact set'),
  });
});

it('exempts a renewal that names what it replaces, in its window alone', async () => {
  const ca = await testCa({ orderLimits });
  const account = await ca.account();
  const { pem, leaf } = await issue(ca, account, ['a.x.test', 'a.y.test']);
  await issue(ca, account, ['b.x.test']);
  const [certificate] = parseChain(pem);
  const replaces = ariCertificateId(certificate!);
  const more = ['a.x.test', 'c.x.test'];
  await expect(issue(ca, account, more, { replaces })).rejects.toMatchObject({ status: 429 });
  const life = leaf.notAfter.epochMilliseconds - leaf.notBefore.epochMilliseconds;
  const sinceBegin = ca.clock.now().epochMilliseconds - leaf.notBefore.epochMilliseconds;
  await ca.clock.advance({ milliseconds: Math.round((life * 20.5) / 30) - sinceBegin });
  await issue(ca, account, ['d.x.test']);
  await issue(ca, account, ['e.x.test']);
  await expect(issue(ca, account, more)).rejects.toMatchObject({ status: 429 });
  await issue(ca, account, more, { replaces });
});

it('refuses a name whose validations have failed too often', async () => {
  const ca = await testCa({ orderLimits, validationPauses: [] });
  const account = await ca.account();
  ca.validator.answers(() => ({ valid: false, type: 'connection', detail: 'no' }));
  // The client tries the next type of challenge with a new order, which is one too many.
  await expect(issue(ca, account, ['a.x.test'])).rejects.toMatchObject({
    message: expect.stringContaining('too many failed validations (1) for "a.x.test"'),
  });
});
