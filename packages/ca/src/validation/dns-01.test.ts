import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { validateDns01 } from './dns-01.ts';
import { type DnsZone, startDnsServer } from '@acmex/services';
import { validationResolver } from './resolver.ts';

const keyAuthorization = 'token.thumbprint';
const digest = createHash('sha256').update(keyAuthorization).digest('base64url');
const txt = (data: string | string[], name = '_acme-challenge.a.test') => ({
  type: 'TXT' as const,
  name,
  data,
});

async function validate(zone: DnsZone, identifier = { type: 'dns', value: 'a.test' }) {
  await using server = await startDnsServer(zone);
  return await validateDns01({
    identifier,
    keyAuthorization,
    resolver: validationResolver({ servers: [server.address] }),
  });
}

describe('validateDns01', () => {
  it('finds the digest among several records, in pieces, and behind an alias', async () => {
    await expect(
      validate({ 'TXT _acme-challenge.a.test': [txt('other'), txt(digest)] }),
    ).resolves.toEqual({
      valid: true,
      records: [{ type: 'look-up', record: 'TXT', name: '_acme-challenge.a.test', recordCount: 2 }],
    });
    await expect(
      validate({ 'TXT _acme-challenge.a.test': [txt([digest.slice(0, 9), digest.slice(9)])] }),
    ).resolves.toMatchObject({ valid: true });
    await expect(
      validate({
        'TXT _acme-challenge.a.test': [
          { type: 'CNAME', name: '_acme-challenge.a.test', data: 'x.b.test' },
          txt(digest, 'x.b.test'),
        ],
      }),
    ).resolves.toMatchObject({ valid: true });
  });
  it.each<[string, DnsZone]>([
    ['no name', {}],
    ['no record', { 'TXT _acme-challenge.a.test': [] }],
    ['another digest', { 'TXT _acme-challenge.a.test': [txt(digest.toLowerCase())] }],
    ['the key authorization itself', { 'TXT _acme-challenge.a.test': [txt(keyAuthorization)] }],
    [
      'the digest with more around it',
      { 'TXT _acme-challenge.a.test': [txt(` ${digest}`), txt(`${digest}=`), txt(`"${digest}"`)] },
    ],
    ['the digest at the name itself', { 'TXT a.test': [txt(digest, 'a.test')] }],
  ])('is not convinced by %s, and repeats no record', async (_, zone) => {
    const problem = await validate(zone);
    expect(problem).toMatchObject({
      valid: false,
      type: 'incorrectResponse',
      detail: expect.stringContaining('_acme-challenge.a.test has'),
    });
    expect(JSON.stringify(problem)).not.toMatch(new RegExp(`${digest}|thumbprint`, 'i'));
  });
  it('distinguishes a failed look-up from an absent record', async () => {
    await expect(validate({ 'TXT _acme-challenge.a.test': 2 })).resolves.toMatchObject({
      type: 'dns',
      detail: 'TXT of _acme-challenge.a.test: the look-up failed (ESERVFAIL)',
    });
    await expect(validate({ 'TXT _acme-challenge.a.test': 5 })).resolves.toMatchObject({
      type: 'dns',
      detail: expect.stringContaining('EREFUSED'),
    });
  });
  it('proves no address, and ends with the signal', async () => {
    await expect(validate({}, { type: 'ip', value: '192.0.2.1' })).resolves.toMatchObject({
      valid: false,
      type: 'serverInternal',
    });
    const asked = validateDns01({
      identifier: { type: 'dns', value: 'a.test' },
      keyAuthorization,
      resolver: validationResolver(),
      signal: AbortSignal.abort(new Error('enough')),
    });
    await expect(asked).rejects.toThrow('enough');
  });
});
