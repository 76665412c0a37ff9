import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { virtualClock } from '@acmex/clock';
import { dnsProviderContract, dnsZoneContract } from '@acmex/dns/contract';
import { removeFolder } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { googleStandIn, type GoogleStandInOptions } from './google.testing.ts';
import { google, type GoogleOptions } from './index.ts';
import { rs256 } from './jwt.ts';
import {
  authorizedUser,
  exampleKey,
  externalAccount,
  impersonatedAccount,
  serviceAccount,
  subjectToken,
} from './service-account.testing.ts';

const ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  format: 'pem',
  type: 'pkcs8',
});

const record = { name: '_acme-challenge', value: 'mine' };

function subject(options: Partial<GoogleOptions> = {}, more: Partial<GoogleStandInOptions> = {}) {
  const clock = virtualClock();
  const host = googleStandIn({
    clock,
    zones: { first: 'one.test', second: 'two.test', a: 'a.test', 'private-a': 'a.test' },
    ...more,
  });
  return {
    host,
    clock,
    provider: google({ credentials: { serviceAccount }, fetch: host.fetch, clock, ...options }),
  };
}

describe('google', () => {
  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      const { provider, host, clock } = subject();
      await check({
        provider,
        zone: 'a.test',
        lookUp: host.lookUp,
        trouble: host.trouble,
        clock,
        secrets: ['that-stays-secret', ...(serviceAccount.match(/[\w+/]{60,}/g) ?? [])],
      });
    },
  );

  it.each(dnsZoneContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      await check(
        (zones) =>
          subject({}, { zones: Object.fromEntries(zones.map((name, at) => [`zone-${at}`, name])) })
            .provider,
      );
    },
  );
  it('keeps the values of others unchanged, and the time to live that they have', async () => {
    const { provider, host } = subject();
    const rrdatas = ['"v=spf1 \\"quoted\\""', `"${'x'.repeat(255)}" "y"`];
    host.put('a', { name: '_acme-challenge.a.test.', type: 'TXT', ttl: 300, rrdatas });
    await provider.append('a.test', [record]);
    expect(host.at('_acme-challenge.a.test')).toMatchObject([
      { ttl: 300, rrdatas: [...rrdatas, '"mine"'] },
    ]);
    await provider.remove('a.test', [record]);
    expect(host.at('_acme-challenge.a.test')).toMatchObject([{ ttl: 300, rrdatas }]);
  });
  it('reads again and loses nothing when someone else changes the record set in between: made, changed, or taken away', async () => {
    const { host, clock } = subject();
    const provider = google({ credentials: { serviceAccount }, fetch: host.fetch, clock });
    const theirs = [
      () => provider.append('a.test', [{ ...record, value: 'one' }]),
      () => provider.append('a.test', [{ ...record, value: 'two' }]),
      () =>
        provider.remove(
          'a.test',
          ['one', 'two'].map((value) => ({ ...record, value })),
        ),
    ];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (init?.method === 'POST' && String(input).endsWith('/changes')) await theirs.shift()?.();
      return await host.fetch(input, init);
    };
    const before = host.requests.length;
    await clock.run(
      google({ credentials: { serviceAccount }, fetch, clock }).append('a.test', [record]),
    );
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
    expect(theirs).toHaveLength(0);
    expect(host.requests.slice(before).length).toBeGreaterThan(8);
  });
  it('leaves a record set alone that has a routing policy', async () => {
    const { provider, host } = subject();
    host.put('a', {
      name: '_acme-challenge.a.test.',
      type: 'TXT',
      ttl: 60,
      rrdatas: [],
      routingPolicy: { wrr: { items: [] } },
    });
    await provider.remove('a.test', [record]);
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('delegate _acme-challenge.a.test by a CNAME record'),
    });
    expect(host.requests.filter((request) => request.startsWith('POST'))).toEqual([]);
  });
  it.each(['quotes " and \\', 'x'.repeat(600), 'a;b', ' '])(
    'writes any value, and finds it again: %j',
    async (value) => {
      const { provider, host } = subject();
      await provider.append('a.test', [{ ...record, value }]);
      await provider.append('a.test', [{ ...record, value }]);
      await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual([value]);
      await provider.remove('a.test', [{ ...record, value }]);
      await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual([]);
    },
  );

  it('writes the public zone of two with one name, the private one where that is said, and lists them over all pages', async () => {
    const { provider, host, clock } = subject();
    await provider.append('a.test', [record]);
    await expect(provider.zones!()).resolves.toEqual(['one.test', 'two.test', 'a.test']);
    const inside = google({
      credentials: { serviceAccount },
      fetch: host.fetch,
      clock,
      visibility: 'private',
    });
    await inside.append('a.test', [{ ...record, value: 'hidden' }]);
    await expect(inside.zones!()).resolves.toEqual(['a.test']);
    expect(host.requests.filter((request) => request.startsWith('POST'))).toEqual([
      'POST /project-1/managedZones/a/changes',
      'POST /project-1/managedZones/private-a/changes',
    ]);
    await expect(inside.append('one.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: expect.stringContaining('no private managed zone for one.test'),
    });
  });
  it('asks which of several public zones of one name is meant, and takes its name or id for an answer', async () => {
    const { provider, host, clock } = subject({}, { zones: { old: 'a.test', new: 'a.test' } });
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: 'google: 2 public managed zones are for a.test (old, new): give managedZone',
    });
    for (const managedZone of ['new', '7000001']) {
      const privateZone = google({
        credentials: { serviceAccount },
        fetch: host.fetch,
        clock,
        managedZone,
      });
      await privateZone.append('a.test', [{ ...record, value: managedZone }]);
      await expect(privateZone.zones!()).resolves.toEqual(['a.test']);
    }
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['new', '7000001']);
    await expect(
      google({
        credentials: { serviceAccount },
        fetch: host.fetch,
        clock,
        managedZone: 'none',
      }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: expect.stringContaining("named 'none' does not exist"),
    });
  });
  it('says what Google says', async () => {
    const { provider } = subject();
    await expect(provider.append('a.test', [{ ...record, ttl: -1 }])).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining(
        "(400 Invalid value for 'entity.change.additions[0].rrdata'",
      ),
    });
    const { provider: foreign } = subject({ project: 'not-ours' });
    await expect(foreign.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('403 Forbidden'),
    });
  });
});

describe("google's credentials", () => {
  it('get one token for an hour, and another when that is over or not taken any more', async () => {
    const { provider, host, clock } = subject();
    await provider.append('a.test', [record]);
    await clock.advance('PT58M');
    await provider.remove('a.test', [record]);
    expect(host.tokens.granted()).toHaveLength(1);
    await clock.advance('PT2M');
    await provider.append('a.test', [record]);
    expect(host.tokens.granted()).toHaveLength(2);
    host.tokens.revoke();
    await provider.remove('a.test', [record]);
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual([]);
    expect(host.tokens.granted()).toHaveLength(1);
  });
  it('are a file, too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'acmex-google-'));
    const keyFile = join(folder, 'key.json');
    try {
      await writeFile(keyFile, serviceAccount);
      const { provider, host } = subject({ credentials: { keyFile } });
      await provider.append('a.test', [record]);
      await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
    } finally {
      await removeFolder(folder);
    }
    await expect(
      subject({ credentials: { keyFile } }).provider.append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(keyFile),
    });
  });
  it.each(['text', 'json'])(
    'are a workload identity, whose token is in a file of %s and is read again',
    async (format) => {
      const folder = await mkdtemp(join(tmpdir(), 'acmex-google-'));
      const file = join(folder, 'token');
      const write = (token: string) =>
        writeFile(file, format === 'json' ? JSON.stringify({ token }) : `${token}\n`);
      try {
        const { provider, host } = subject({
          project: 'project-1',
          credentials: { serviceAccount: externalAccount(file, format) },
        });
        await write('a-wrong-token');
        const failed: unknown = await provider
          .append('a.test', [record])
          .catch((reason: unknown) => reason);
        expect(failed).toMatchObject({ code: 'ERR_DNS_CREDENTIALS' });
        expect(inspect(failed, { depth: 9 })).not.toContain('a-wrong-token');
        await write(subjectToken);
        await provider.append('a.test', [record]);
        await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
      } finally {
        await removeFolder(folder);
      }
    },
  );
  it.each([
    ['of a person', authorizedUser, []],
    ['of a person who acts as a service account', impersonatedAccount, ['target']],
  ])('are those %s, by the file that gcloud writes', async (_, serviceAccount, accounts) => {
    const { provider, host, clock } = subject({
      project: 'project-1',
      credentials: { serviceAccount },
    });
    await provider.append('a.test', [record]);
    await clock.advance('PT61M');
    await provider.remove('a.test', [record]);
    expect(host.tokens.iam.requests).toEqual(
      [...accounts, ...accounts].map(
        (account) =>
          `POST /projects/-/serviceAccounts/${account}@project-1.iam.gserviceaccount.com:generateAccessToken`,
      ),
    );
  });
  it.each([
    ['the machine', undefined],
    ['a key', { serviceAccount }],
    ['a person', { serviceAccount: authorizedUser }],
  ])('of %s can act as a service account', async (_, credentials) => {
    const { provider, host } = subject({
      project: 'project-1',
      credentials,
      impersonate: 'target@project-1.iam.gserviceaccount.com',
    });
    await provider.append('a.test', [record]);
    expect(host.tokens.iam.requests).toHaveLength(1);
    const refused = subject({
      project: 'project-1',
      credentials,
      impersonate: 'other@project-1.iam.gserviceaccount.com',
    });
    await expect(refused.provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('iam.serviceAccounts.getAccessToken'),
    });
  });
  it("are an access token of someone else's, asked for again", async () => {
    let asked = 0;
    const { provider, host } = subject(
      {
        project: 'project-1',
        credentials: {
          accessToken: async () => {
            asked += 1;
            return 'given';
          },
        },
      },
      { token: 'given' },
    );
    await provider.append('a.test', [record]);
    expect(asked).toBe(host.requests.length);
    expect(host.tokens.granted()).toEqual([]);
  });
  it("are the machine's own at Google Cloud", async () => {
    const { provider, host } = subject({ project: 'project-1', credentials: undefined });
    await provider.append('a.test', [record]);
    expect(host.tokens.metadata.requests).toEqual(['GET /instance/service-accounts/default/token']);
  });
  it("write into the machine's project at Google Cloud, which is asked for once", async () => {
    const { provider, host } = subject({ credentials: undefined });
    await provider.append('a.test', [record]);
    await provider.remove('a.test', [record]);
    expect(host.tokens.metadata.requests.filter((request) => request.includes('project'))).toEqual([
      'GET /project/project-id',
    ]);
    expect(host.requests.every((request) => request.includes('/project-1/'))).toBe(true);
  });
  it('are asked for where the machine has none, within seconds', async () => {
    const { clock, host } = subject();
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (String(input).startsWith('http://metadata'))
        throw new TypeError('fetch failed', {
          cause: Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }),
        });
      return await host.fetch(input, init);
    };
    await expect(
      clock.run(google({ project: 'project-1', fetch, clock }).append('a.test', [record])),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('give serviceAccount, keyFile or accessToken'),
    });
    expect(clock.monotonic()).toBeLessThan(3000);
  });
  it('need a project if nothing provides one', async () => {
    const { provider } = subject({ credentials: { accessToken: 'given' } }, { token: 'given' });
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: 'google: the project is unknown: give its id as project',
    });
  });
  it.each([
    ['{', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['{"type":"authorized_user"}', 'no client_id'],
    ['{"type":"gdch_service_account"}', 'their type is "gdch_service_account", and not'],
    ['{}', 'their type is unknown'],
    ['{"type":"service_account","client_email":"a@b"}', 'no private_key'],
    ['{"type":"impersonated_service_account"}', 'no source_credentials'],
    [
      '{"type":"external_account","credential_source":{"url":"https://a.test"}}',
      'names no file: have the token written to a file',
    ],
    [
      '{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r","token_uri":"http://a.test"}',
      'their token_uri is not an https URL',
    ],
    [serviceAccount.replace('BEGIN', 'BEGUN'), 'not an RSA key in PEM'],
    [JSON.stringify({ ...JSON.parse(serviceAccount), private_key: ecKey }), 'not an RSA key'],
    [`${serviceAccount}x`, 'not a JSON object'],
  ])('say what is wrong with a key, and nothing that is in it', async (text, words) => {
    const error: unknown = await subject({ credentials: { serviceAccount: async () => text } })
      .provider.append('a.test', [record])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(words),
    });
    for (const line of serviceAccount.match(/[\w+/]{60,}/g) ?? [])
      expect(inspect(error, { depth: 9 })).not.toContain(line);
  });
  it("are refused in Google's words, and trouble of its token server does not blame them", async () => {
    const unknown = serviceAccount.replace('acme@', 'no one@');
    await expect(
      subject({ credentials: { serviceAccount: unknown } }).provider.append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('Invalid grant: account not found (invalid_grant)'),
    });
    const { provider, host, clock } = subject();
    host.tokens.oauth.trouble('server-error');
    await expect(clock.run(provider.append('a.test', [record]))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
    });
    host.tokens.oauth.trouble('silence');
    const stop = new AbortController();
    const waiting = provider.append('a.test', [record], { signal: stop.signal });
    setImmediate(() => stop.abort(new Error('enough')));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('rs256', () => {
  // RFC 7515, appendix A.2.
  it("signs as the RFC's example", () => {
    expect(
      rs256(
        'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ',
        exampleKey,
      ),
    ).toBe(
      'cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw',
    );
  });
});
