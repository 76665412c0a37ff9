import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { validateDnsAccount01 } from './dns-account-01.ts';
import { type DnsZone, startDnsServer } from '@acmex/services';
import { validationResolver } from './resolver.ts';

const digest = createHash('sha256').update('token.thumbprint').digest('base64url');
const name = '_ujmmovf2vn55tgye._acme-challenge.a.test';

async function validate(zone: DnsZone, identifier = { type: 'dns', value: 'a.test' }) {
  await using server = await startDnsServer(zone);
  return await validateDnsAccount01({
    identifier,
    keyAuthorization: 'token.thumbprint',
    accountUrl: 'https://example.com/acme/acct/ExampleAccount',
    resolver: validationResolver({ servers: [server.address] }),
  });
}

describe('validateDnsAccount01', () => {
  it("finds the digest at the account's own name, and behind an alias of it", async () => {
    await expect(
      validate({ [`TXT ${name}`]: [{ type: 'TXT', name, data: digest }] }),
    ).resolves.toEqual({
      valid: true,
      records: [{ type: 'look-up', record: 'TXT', name, recordCount: 1 }],
    });
    await expect(
      validate({
        [`TXT ${name}`]: [
          { type: 'CNAME', name, data: 'x.b.test' },
          { type: 'TXT', name: 'x.b.test', data: digest },
        ],
      }),
    ).resolves.toMatchObject({ valid: true });
  });
  it('takes neither the record of dns-01 nor that of another account', async () => {
    const zoneWith = (at: string): DnsZone => ({
      [`TXT ${at}`]: [{ type: 'TXT', name: at, data: digest }],
    });
    for (const at of ['_acme-challenge.a.test', '_aaaaaaaaaaaaaaaa._acme-challenge.a.test'])
      await expect(validate(zoneWith(at))).resolves.toMatchObject({
        valid: false,
        type: 'incorrectResponse',
        detail: `${name} has no TXT record`,
      });
  });
  it('proves no address', async () => {
    await expect(validate({}, { type: 'ip', value: '10.0.0.1' })).resolves.toMatchObject({
      valid: false,
      type: 'serverInternal',
    });
  });
});
