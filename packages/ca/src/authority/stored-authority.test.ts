import { virtualClock } from '@acmex/clock';
import { webcrypto } from '@acmex/certificate';
import { memoryStorage } from '@acmex/storage';
import { describe, expect, it } from '@jest/globals';
import {
  createAuthority,
  createDevelopmentAuthority,
  issuerOf,
  loadAuthority,
  saveAuthority,
} from '../index.ts';

const passphrase = 'correct horse battery';
const constraints = { domains: ['corp.example'], addresses: [] };
const request = { name: 'Corp', passphrase, constraints, keyType: 'ec-p256' } as const;

describe('a CA', () => {
  it("in a storage is found again, its key marked as secret, the root's key nowhere", async () => {
    const storage = memoryStorage();
    const authority = await createAuthority(request);
    await saveAuthority(storage, authority);
    const { root, issuer } = await loadAuthority(storage, { kind: 'private' });
    expect(root).toBe(authority.root);
    expect([
      issuer.permits({ type: 'dns', value: 'a.corp.example' }),
      issuer.permits({ type: 'dns', value: 'a.example' }),
    ]).toEqual([true, false]);
    const entries = [];
    for await (const entry of storage.list('')) entries.push(entry);
    const holding = entries.filter(({ value }) => Buffer.from(value).includes('PRIVATE KEY'));
    expect(holding).toMatchObject([{ key: 'ca/authority-key/issuing', secret: true }]);
    expect(entries.some(({ value }) => Buffer.from(value).includes('ENCRYPTED'))).toBe(false);
    await expect(saveAuthority(storage, await createAuthority(request))).rejects.toMatchObject({
      code: 'ERR_CA_EXISTS',
    });
  });
  it('of development is never loaded as a real one, nor a real one as of development', async () => {
    const [development, real] = [memoryStorage(), memoryStorage()];
    const made = await createDevelopmentAuthority();
    await saveAuthority(development, made);
    await saveAuthority(real, await createAuthority(request));
    await expect(loadAuthority(development, { kind: 'private' })).rejects.toMatchObject({
      code: 'ERR_CA_DEVELOPMENT',
    });
    await expect(loadAuthority(real, { kind: 'development' })).rejects.toMatchObject({
      code: 'ERR_CA_DEVELOPMENT',
    });
    await expect(loadAuthority(development, { kind: 'development' })).resolves.toMatchObject({
      root: made.root,
    });
    const mislabelled = memoryStorage();
    await saveAuthority(mislabelled, { ...made, kind: 'private' });
    await expect(loadAuthority(mislabelled, { kind: 'private' })).rejects.toMatchObject({
      code: 'ERR_CA_DEVELOPMENT',
    });
    await expect(loadAuthority(memoryStorage(), { kind: 'private' })).rejects.toMatchObject({
      code: 'ERR_CA_MISSING',
    });
  });
  it('that has expired does not start', async () => {
    const clock = virtualClock({ now: '2026-06-01T00:00:00Z' });
    const storage = memoryStorage();
    await saveAuthority(storage, await createDevelopmentAuthority({ clock }));
    await clock.advance({ hours: 24 * 7 });
    await expect(loadAuthority(storage, { kind: 'development', clock })).rejects.toMatchObject({
      code: 'ERR_CA_CERTIFICATE',
    });
  });
  it.each<[string, object, string]>([
    ['constraints are neither given nor waived', { constraints: undefined }, 'ERR_CA_CONSTRAINTS'],
    ['constraints are both given and waived', { unconstrained: true }, 'ERR_CA_CONSTRAINTS'],
    [
      'it could issue for nothing',
      { constraints: { domains: [], addresses: [] } },
      'ERR_CA_CONSTRAINTS',
    ],
    [
      'a domain is none',
      { constraints: { domains: ['corp example'], addresses: [] } },
      'ERR_CA_CONSTRAINTS',
    ],
    [
      'a domain is a wildcard',
      { constraints: { domains: ['*.corp.example'], addresses: [] } },
      'ERR_CA_CONSTRAINTS',
    ],
    ['a domain is empty', { constraints: { domains: [''], addresses: [] } }, 'ERR_CA_CONSTRAINTS'],
    [
      'a range has no length',
      { constraints: { domains: [], addresses: ['10.0.0.0'] } },
      'ERR_CA_CONSTRAINTS',
    ],
    [
      'a range is too long',
      { constraints: { domains: [], addresses: ['10.0.0.0/33'] } },
      'ERR_CA_CONSTRAINTS',
    ],
    ['its name is empty', { name: ' ' }, 'ERR_CA_NAME'],
    ['its name is too long', { name: 'x'.repeat(49) }, 'ERR_CA_NAME'],
    ['its name is that of development', { name: 'AcmeX Development' }, 'ERR_CA_NAME'],
    ['its passphrase is short', { passphrase: 'short' }, 'ERR_CA_PASSPHRASE'],
  ])('is not made where %s', async (_, more, code) => {
    await expect(
      createAuthority({ ...request, ...more } as Parameters<typeof createAuthority>[0]),
    ).rejects.toMatchObject({ code });
  });
  it("of the user's own needs a CA's certificate and its key", async () => {
    const { root, issuing, issuingKey } = await createAuthority(request);
    const key = await webcrypto().import(issuingKey);
    expect(issuerOf({ chain: issuing, key }).permits({ type: 'dns', value: 'corp.example' })).toBe(
      true,
    );
    expect(() => issuerOf({ chain: root, key })).toThrow(
      expect.objectContaining({ code: 'ERR_CA_CERTIFICATE' }),
    );
    const { publicKey } = await webcrypto().generate('ec-p256');
    const now = issuerOf({ chain: issuing, key }).notAfter.subtract({ hours: 100 });
    const [leaf = ''] = await issuerOf({ chain: issuing, key }).issue({
      serialNumber: '40',
      identifiers: [{ type: 'dns', value: 'corp.example' }],
      publicKey,
      rsa: false,
      notBefore: now,
      notAfter: now.add({ hours: 1 }),
      usages: ['serverAuth'],
      mustStaple: false,
      issuerUrl: 'http://x/',
      crlUrl: 'http://x/',
    });
    expect(() => issuerOf({ chain: leaf, key })).toThrow(
      expect.objectContaining({ code: 'ERR_CA_CERTIFICATE' }),
    );
  });
});
