import { AsyncLocalStorage } from 'node:async_hooks';
import type { CertificateInfo } from '@acmex/certificate';
import { changeKey, generateAccountKey } from '@acmex/protocol';
import { memoryStorage, type Storage, StorageUnavailableError } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import {
  issue,
  postAs,
  type TestCa,
  testAuthority,
  testCa,
  type TestClient,
} from './ca.testing.ts';
import {
  type AuditedAction,
  auditedActions,
  auditedActionTypes,
  createExternalAccount,
  listIssued,
  moveRenewalWindow,
  replaceIssuing,
  restoreRenewalWindow,
  revokeExternalAccount,
  revokeIssued,
  saveAuthority,
  type SignedRequestOrigin,
} from './index.ts';

const origins = new AsyncLocalStorage<SignedRequestOrigin>();

type Recorded = AuditedAction & { readonly origin: SignedRequestOrigin | undefined };

/** A storage that records what is done by each of its writes, and for whom. */
function recordingStorage() {
  const inner = memoryStorage();
  const actions: Recorded[] = [];
  const storage: Storage = {
    ...inner,
    async write(changes, options) {
      const versions = await inner.write(changes, options);
      actions.push(
        ...auditedActions(changes).map((action) => ({ ...action, origin: origins.getStore() })),
      );
      return versions;
    },
  };
  return { storage, actions };
}

const revoke = async (ca: TestCa, account: TestClient, { der }: CertificateInfo) =>
  await postAs(ca, account, '/revoke-cert', {
    certificate: Buffer.from(der).toString('base64url'),
    reason: 4,
  });

it('names each thing that a CA does, with who asked for it', async () => {
  const { storage, actions } = recordingStorage();
  const authority = await testAuthority();
  await saveAuthority(storage, authority);
  await replaceIssuing(storage, authority);
  const ca = await testCa({
    storage,
    answering: async (origin, work) => await origins.run(origin, work),
  });
  const { kid, hmacKey } = await createExternalAccount(storage, { clock: ca.clock });
  const account = await ca.account({ externalAccount: { kid, hmacKey } });
  const id = account.url.slice(account.url.lastIndexOf('/') + 1);
  await postAs(ca, account, account.url, { contact: ['mailto:admin@example.com'] });
  const first = await issue(ca, account, ['a.test']);
  await revoke(ca, account, first.leaf);
  const second = await issue(ca, account, ['b.test', '10.0.0.1']);
  await revokeIssued(storage, second.leaf.serialNumber, { reason: 'keyCompromise' });
  ca.validator.answers(() => ({ valid: false, type: 'unauthorized', detail: 'wrong answer' }));
  await expect(issue(ca, account, ['c.test'])).rejects.toThrow('wrong answer');
  const window = { start: '2026-06-02T00:00:00Z', end: '2026-06-03T00:00:00Z' };
  await moveRenewalWindow(storage, { ...window, serialNumber: first.leaf.serialNumber });
  await moveRenewalWindow(storage, window);
  await restoreRenewalWindow(storage);
  const { key } = await generateAccountKey();
  await ca.clock.run(changeKey(account.session, key));
  await postAs(ca, { ...account, key }, account.url, { status: 'deactivated' });
  await revokeExternalAccount(storage, kid);

  const origin = { address: '192.0.2.1', account: id };
  const [firstSerial, secondSerial] = [first, second].map(({ leaf }) => leaf.serialNumber);
  expect(actions).toMatchObject([
    { type: 'ca_created', origin: undefined },
    { type: 'ca_issuer_replaced', origin: undefined },
    { type: 'ca_external_account_created', event: `ca/external-account/${kid}` },
    {
      ...{ type: 'ca_account_created', actor: id, message: kid },
      origin: { address: '192.0.2.1', account: undefined },
    },
    { type: 'ca_account_changed', actor: id, origin },
    {
      ...{ type: 'ca_certificate_issued', certificate: firstSerial, names: ['a.test'] },
      ...{ actor: id, order: expect.stringMatching(/^ord_/), origin },
      message: expect.stringMatching(/^profile \S+, until 2026-/),
    },
    { type: 'ca_certificate_revoked', certificate: firstSerial, message: 'reason 4', origin },
    { type: 'ca_certificate_issued', certificate: secondSerial, names: ['b.test', '10.0.0.1'] },
    { type: 'ca_certificate_revoked', certificate: secondSerial, message: 'reason 1' },
    // The client tries two types of challenges, each with an order of its own.
    ...Array.from({ length: 2 }, () => ({
      ...{ type: 'ca_validation_failed', names: ['c.test'], actor: id },
      message: expect.stringContaining('wrong answer'),
    })),
    {
      ...{ type: 'ca_renewal_window_moved', certificate: firstSerial },
      message: '2026-06-02T00:00:00Z to 2026-06-03T00:00:00Z',
    },
    { type: 'ca_renewal_window_moved', certificate: undefined },
    { type: 'ca_renewal_window_restored', certificate: undefined },
    { type: 'ca_account_key_changed', actor: id, origin },
    { type: 'ca_account_deactivated', actor: id, origin },
    { type: 'ca_external_account_revoked' },
  ]);
  expect(new Set(actions.map(({ type }) => type))).toEqual(
    new Set(Object.keys(auditedActionTypes)),
  );
  expect(JSON.stringify(actions)).not.toContain(hmacKey);
});

it('issues nothing while its audit log cannot be written, and then issues once', async () => {
  const { storage, actions } = recordingStorage();
  const refused: unknown[] = [];
  const full: Storage = {
    ...storage,
    async write(changes, options) {
      const isIssuance = auditedActions(changes).some(
        ({ type }) => type === 'ca_certificate_issued',
      );
      if (!isIssuance || refused.length === 3) return await storage.write(changes, options);
      for await (const issued of listIssued(storage)) expect(issued).toBeUndefined();
      refused.push(changes);
      throw new StorageUnavailableError('the disk is full');
    },
  };
  const ca = await testCa({ storage: full });
  await issue(ca, await ca.account(), ['a.test']);
  expect(refused).toHaveLength(3);
  expect(actions.filter(({ type }) => type === 'ca_certificate_issued')).toHaveLength(1);
});
