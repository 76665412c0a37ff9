import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { clientSecret, federatedToken as validToken, principal } from '@acmex/azure/stand-in';
import { virtualClock } from '@acmex/clock';
import { dnsProviderContract, dnsZoneContract } from '@acmex/dns/contract';
import { removeFolder } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { azureStandIn, type AzureStandInOptions } from './azure.testing.ts';
import { certificateFolder } from './certificate.testing.ts';
import { azure, type AzureOptions } from './index.ts';

const record = { name: '_acme-challenge', value: 'mine' };
const place = 'sub-1/dns/dnszones/a.test';
const zones = [
  'sub-1/dns/dnszones/one.test',
  'sub-1/dns/dnszones/two.test',
  place,
  'sub-1/inside/privateDnsZones/a.test',
];
const credentials = { ...principal, clientSecret };

function subject(options: Partial<AzureOptions> = {}, more: Partial<AzureStandInOptions> = {}) {
  const clock = virtualClock();
  const host = azureStandIn({ clock, zones, ...more });
  return {
    host,
    clock,
    provider: azure({ credentials, subscriptionId: 'sub-1', fetch: host.fetch, clock, ...options }),
  };
}

describe('azure', () => {
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
        secrets: ['that-stays-secret'],
      });
    },
  );
  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))(
    'in a private zone of a resource group that is given: %s',
    async (_, { check }) => {
      const { provider, host, clock } = subject({ resourceGroup: 'inside', visibility: 'private' });
      await check({
        provider,
        zone: 'a.test',
        lookUp: host.lookUp,
        trouble: host.trouble,
        clock,
        secrets: ['that-stays-secret'],
      });
    },
  );
  it.each(
    dnsZoneContract.flatMap(({ title, check }) =>
      [undefined, 'dns'].map((resourceGroup) => [title, resourceGroup, check] as const),
    ),
  )('%s; with the resource group %s', async (_, resourceGroup, check) => {
    await check((names) => {
      const places = names.map((name) => `sub-1/dns/dnszones/${name}`);
      return subject({ resourceGroup }, { zones: places }).provider;
    });
  });

  it.each([
    ['public', place],
    ['private', 'sub-1/inside/privateDnsZones/a.test'],
  ] as const)(
    'keeps the values of others as they are cut, their time to live and their metadata: %s',
    async (visibility, where) => {
      const { provider, host } = subject({ visibility });
      const existingSet = {
        ttl: 300,
        values: [['v=spf1 "quoted" \\'], ['x'.repeat(255), 'y'], ['']],
        metadata: { owner: 'mail' },
      };
      host.put(where, '_acme-challenge', existingSet);
      await provider.append('a.test', [record]);
      expect(host.at(where, '_acme-challenge')).toMatchObject({
        ...existingSet,
        values: [...existingSet.values, ['mine']],
      });
      await provider.remove('a.test', [record]);
      expect(host.at(where, '_acme-challenge')).toMatchObject(existingSet);
    },
  );
  it('leaves an empty record set that someone made with metadata, and none of its own', async () => {
    const { provider, host } = subject();
    host.put(place, '_acme-challenge', {
      ttl: 300,
      values: [],
      metadata: { made: 'for the role' },
    });
    await provider.append('a.test', [record, { name: '@', value: 'one', ttl: 5 }]);
    expect(host.at(place, '@')).toMatchObject({ ttl: 5, values: [['one']] });
    await provider.remove('a.test', [record, { name: '@', value: 'one' }]);
    expect(host.at(place, '_acme-challenge')).toMatchObject({
      ttl: 300,
      values: [],
      metadata: { made: 'for the role' },
    });
    expect(host.at(place, '@')).toBeUndefined();
  });
  it('reads again and loses nothing when someone else changes the record set in between: made, changed, or taken away', async () => {
    const { provider, host, clock } = subject();
    const [first, second] = ['one', 'two'].map((value) => ({ ...record, value }));
    const theirs = [
      () => provider.append('a.test', [first!]),
      () => provider.append('a.test', [second!]),
      () => provider.remove('a.test', [first!, second!]),
    ];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (['PUT', 'DELETE'].includes(init?.method ?? '')) await theirs.shift()?.();
      return await host.fetch(input, init);
    };
    const slow = azure({ credentials, subscriptionId: 'sub-1', fetch, clock });
    await clock.run(slow.append('a.test', [record]));
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
    expect(theirs).toHaveLength(0);
    theirs.push(() => provider.append('a.test', [first!]));
    await clock.run(slow.remove('a.test', [record]));
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['one']);
  });
  it('writes nothing where an answer lacks the values that are there', async () => {
    const { host, clock } = subject();
    host.put(place, '_acme-challenge', { ttl: 300, values: [['theirs']] });
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const answer = await host.fetch(input, init);
      return String(input).includes('/TXT/')
        ? new Response((await answer.text()).replace('TXTRecords', 'somethingElse'), answer)
        : answer;
    };
    await expect(
      azure({ credentials, subscriptionId: 'sub-1', fetch, clock }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('TXTRecords'),
    });
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['theirs']);
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
  it('says what Azure says', async () => {
    const { provider } = subject();
    await expect(provider.append('a.test', [{ ...record, ttl: Number.NaN }])).rejects.toMatchObject(
      {
        code: 'ERR_DNS_API',
        message: expect.stringContaining(
          "(400 The value 'null' provided for the TTL is not valid.)",
        ),
      },
    );
  });
});

describe("azure's zones", () => {
  it('are found over all pages, public or private as is said', async () => {
    const { provider, host, clock } = subject();
    await expect(provider.zones!()).resolves.toEqual(['one.test', 'two.test', 'a.test']);
    const inside = azure({
      credentials,
      subscriptionId: 'sub-1',
      fetch: host.fetch,
      clock,
      visibility: 'private',
    });
    await expect(inside.zones!()).resolves.toEqual(['a.test']);
    await inside.append('a.test', [record]);
    expect(host.at(place, '_acme-challenge')).toBeUndefined();
    expect(host.at('sub-1/inside/privateDnsZones/a.test', '_acme-challenge')).toMatchObject({
      ttl: 60,
      values: [['mine']],
    });
    await expect(inside.append('one.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: expect.stringContaining('no private zone one.test'),
    });
  });
  it('are those of all subscriptions that the credentials see, where none is given', async () => {
    const { provider, host } = subject(
      { subscriptionId: undefined },
      { zones: [...zones, 'sub-2/web/dnszones/b.test', 'sub-3/web/dnszones/c.test'] },
    );
    await expect(provider.zones!()).resolves.toEqual([
      'one.test',
      'two.test',
      'a.test',
      'b.test',
      'c.test',
    ]);
    await provider.append('c.test', [record]);
    expect(host.at('sub-3/web/dnszones/c.test', '_acme-challenge')).toMatchObject({
      values: [['mine']],
    });
  });
  it('are asked about where two resource groups have one of the same name', async () => {
    const two = ['sub-1/old/dnszones/a.test', 'sub-1/New/dnszones/a.test'];
    const { provider, host, clock } = subject({}, { zones: two });
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message:
        'azure: 2 public zones are named a.test (in the resource groups old, New): give subscriptionId and resourceGroup',
    });
    const shared = { credentials, fetch: host.fetch, clock, resourceGroup: 'new' };
    for (const [value, options] of [
      ['with', { ...shared, subscriptionId: 'sub-1' }],
      ['without', shared],
    ] as const)
      await azure(options).append('a.test', [{ ...record, value }]);
    expect(host.at('sub-1/New/dnszones/a.test', '_acme-challenge')).toMatchObject({
      values: [['with'], ['without']],
    });
    await expect(azure(shared).zones!()).resolves.toEqual(['a.test']);
  });
  it('are not listed where subscription and resource group are given', async () => {
    const { provider, host } = subject({ resourceGroup: 'dns' });
    await provider.append('a.test', [record]);
    const path =
      '/subscriptions/sub-1/resourceGroups/dns/providers/Microsoft.Network/dnsZones/a.test';
    expect(host.requests).toEqual([
      `GET ${path}?api-version=2018-05-01`,
      ...['GET', 'PUT'].map(
        (method) => `${method} ${path}/TXT/_acme-challenge?api-version=2018-05-01`,
      ),
    ]);
    await expect(provider.zones!()).resolves.toEqual(['one.test', 'two.test', 'a.test']);
  });
  it('are found one by one by an identity with rights on one zone alone', async () => {
    const token = 'a-token';
    const { host, clock } = subject({}, { token });
    const fetch: typeof globalThis.fetch = async (input, init) =>
      /\/dnsZones\/a\.test[/?]/.test(String(input))
        ? await host.fetch(input, init)
        : Response.json({ error: { code: 'AuthorizationFailed', message: 'no' } }, { status: 403 });
    const only: AzureOptions = {
      credentials: { accessToken: token },
      subscriptionId: 'sub-1',
      resourceGroup: 'dns',
      fetch,
      clock,
    };
    await expect(azure(only).zoneOf!('_acme-challenge.a.test')).resolves.toBe('a.test');
    await expect(azure(only).zoneOf!('_acme-challenge.one.invalid')).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
    });
    await expect(azure(only).zones!()).rejects.toMatchObject({ code: 'ERR_DNS_CREDENTIALS' });
  });
  it('are listed where the identity may list zones, and not resources', async () => {
    const { host, clock } = subject();
    const fetch: typeof globalThis.fetch = async (input, init) =>
      String(input).includes('/resources?')
        ? Response.json({ error: { code: 'AuthorizationFailed', message: 'no' } }, { status: 403 })
        : await host.fetch(input, init);
    const provider = azure({ credentials, subscriptionId: 'sub-1', fetch, clock });
    await expect(provider.zoneOf!('_acme-challenge.a.test')).resolves.toBe('a.test');
  });
  it('are not even read where the only one is named', async () => {
    const { provider, host } = subject({ resourceGroup: 'dns', zone: 'A.test' });
    await expect(provider.zoneOf!('_acme-challenge.www.a.test')).resolves.toBe('a.test');
    await expect(provider.zoneOf!('_acme-challenge.one.test')).resolves.toBeUndefined();
    await expect(provider.zones!()).resolves.toEqual(['a.test']);
    expect(host.requests).toEqual([]);
    await provider.append('a.test', [record]);
    expect(host.requests).toHaveLength(2);
  });
  it.each([
    ['a subscription', { subscriptionId: 'none' }, "The subscription 'none' could not be found."],
    ['a resource group', { resourceGroup: 'none' }, "Resource group 'none' could not be found."],
  ])("are not found in %s that there is not, in Azure's words", async (_, options, words) => {
    await expect(subject(options).provider.remove('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: expect.stringContaining(
        `azure: no zone a.test with these credentials (404 ${words})`,
      ),
    });
  });
  it.each([
    [
      'https://elsewhere.invalid/subscriptions/sub-1/providers/Microsoft.Network/dnsZones?api-version=2018-05-01&$skipToken=2',
      undefined,
    ],
    ['@elsewhere.invalid/', 'is not a link to a next page'],
    ['http://elsewhere.invalid/', 'is not a link to a next page'],
  ])(
    'are never asked of another host, whatever a page says of the next: %s',
    async (nextLink, words) => {
      const { host, clock } = subject();
      const asked: string[] = [];
      const fetch: typeof globalThis.fetch = async (input, init) => {
        asked.push(new URL(String(input)).host);
        const answer = await host.fetch(input, init);
        if (asked.length !== 2) return answer;
        return Response.json({ ...((await answer.json()) as object), nextLink });
      };
      const listed = azure({ credentials, subscriptionId: 'sub-1', fetch, clock }).zones!();
      await (words === undefined
        ? expect(listed).resolves.toEqual(['one.test', 'two.test', 'a.test'])
        : expect(listed).rejects.toMatchObject({
            code: 'ERR_DNS_API',
            message: expect.stringContaining(words),
          }));
      expect(new Set(asked)).toEqual(
        new Set(['login.microsoftonline.com', 'management.azure.com']),
      );
    },
  );
  it('have an id that names their resource group, or are not written', async () => {
    const { host, clock } = subject();
    const fetch: typeof globalThis.fetch = async (input, init) =>
      /\/(dnsZones|resources)\?/.test(String(input))
        ? Response.json({ value: [{ id: '/evil?x=', name: 'a.test' }] })
        : await host.fetch(input, init);
    await expect(
      azure({ credentials, subscriptionId: 'sub-1', fetch, clock }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('"/evil?x=" is not an id of a zone'),
    });
  });
  it.each(['usgovernment', 'china'] as const)(
    'are in a sovereign cloud if the options say so: %s',
    async (cloud) => {
      const { provider, host, clock } = subject({ cloud }, { cloud });
      await provider.append('a.test', [record]);
      await azure({ cloud, fetch: host.fetch, clock, subscriptionId: 'sub-1' }).append('a.test', [
        { ...record, value: 'by the machine' },
      ]);
      await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual([
        'mine',
        'by the machine',
      ]);
      await expect(
        clock.run(
          azure({ credentials, subscriptionId: 'sub-1', fetch: host.fetch, clock }).append(
            'a.test',
            [record],
          ),
        ),
      ).rejects.toMatchObject({ code: 'ERR_DNS_API' });
    },
  );
});

describe("azure's credentials", () => {
  it('get one token for an hour, and another when that is over or not taken any more', async () => {
    const { provider, host, clock } = subject();
    await provider.append('a.test', [record]);
    await clock.advance('PT54M');
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
  it('are the token file of a workload identity, read again for every token', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'acmex-azure-'));
    const federatedTokenFile = join(folder, 'token');
    try {
      await writeFile(federatedTokenFile, 'eyJ.that-is-over.sig\n');
      const { provider, host } = subject({ credentials: { ...principal, federatedTokenFile } });
      await expect(provider.append('a.test', [record])).rejects.toMatchObject({
        code: 'ERR_DNS_CREDENTIALS',
        message: expect.stringContaining('AADSTS700024'),
      });
      await writeFile(federatedTokenFile, `${validToken}\n`);
      await provider.append('a.test', [record]);
      await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
    } finally {
      await removeFolder(folder);
    }
    await expect(
      subject({ credentials: { ...principal, federatedTokenFile } }).provider.append('a.test', [
        record,
      ]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: `azure: the token of the workload identity in ${federatedTokenFile} cannot be read (it does not exist, ENOENT): check where it is stored, and who may read it`,
    });
  });
  it('are the token of a workload identity, asked for with every access token', async () => {
    let asked = 0;
    const federatedToken = async () => {
      asked += 1;
      return validToken;
    };
    const { provider, host, clock } = subject({ credentials: { ...principal, federatedToken } });
    await provider.append('a.test', [record]);
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
    await clock.advance('PT61M');
    await provider.remove('a.test', [record]);
    expect(asked).toBe(2);
    const { provider: refused } = subject({
      credentials: { ...principal, federatedToken: 'eyJ.that-is-over.sig' },
    });
    await expect(refused.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('AADSTS700024'),
    });
  });
  describe('by a client certificate', () => {
    it.each([
      ['the certificate first', ['certificate', 'key']],
      ['the key first, and a chain', ['key', 'foreign', 'certificate']],
      ['an encrypted key', ['encrypted', 'certificate']],
    ])('are proven with a signed assertion: %s', async (_, contents) => {
      const { folder, write, texts } = await certificateFolder();
      try {
        const input = {
          ...principal,
          clientCertificateFile: await write(contents),
          clientCertificatePassword: texts.password,
        };
        const { provider, host, clock } = subject(
          { credentials: input },
          { clientCertificate: texts.certificate },
        );
        await provider.append('a.test', [record]);
        await clock.advance('PT1H');
        await provider.remove('a.test', [record]);
        expect(host.tokens.granted()).toHaveLength(2);
      } finally {
        await removeFolder(folder);
      }
    });
    it.each([
      ['only a certificate', ['certificate'], 'has no private key in PEM: write both into it'],
      ['only a key', ['key'], 'has no certificate in PEM: write both into it'],
      ['nothing', [], 'has no certificate in PEM'],
      [
        'a certificate of another key',
        ['key', 'foreign'],
        'has no certificate for its private key',
      ],
      [
        'a key on an elliptic curve',
        ['ec', 'certificate'],
        'type ec: Microsoft Entra ID needs RSA',
      ],
      ['a wrong password', ['wrong', 'certificate'], 'does not open with this password'],
    ])('are refused for a file with %s', async (_, contents, words) => {
      const { folder, write, texts } = await certificateFolder();
      try {
        const file = await write(contents);
        const input = {
          ...principal,
          clientCertificateFile: file,
          clientCertificatePassword: contents.includes('wrong')
            ? 'wrong-that-stays-secret'
            : texts.password,
        };
        const error: unknown = await subject({ credentials: input })
          .provider.append('a.test', [record])
          .catch((reason: unknown) => reason);
        expect(error).toMatchObject({
          code: 'ERR_DNS_CREDENTIALS',
          message: expect.stringContaining(`azure: the client certificate ${file} has`),
        });
        expect(String(error)).toContain(words);
        expect(inspect(error, { depth: 9 })).not.toMatch(/stays-secret|PRIVATE KEY/);
      } finally {
        await removeFolder(folder);
      }
    });
    it.each([
      [
        'is not there',
        '/nowhere/certificate.pem',
        undefined,
        'cannot be read (it does not exist, ENOENT): check its path and its owner',
      ],
      ['needs a password', undefined, undefined, 'use clientCertificatePassword'],
    ])('are refused where the file %s', async (_, missing, password, words) => {
      const { folder, write } = await certificateFolder();
      try {
        const input = {
          ...principal,
          clientCertificateFile: missing ?? (await write(['encrypted', 'certificate'])),
          ...(password === undefined ? {} : { clientCertificatePassword: password }),
        };
        await expect(
          subject({ credentials: input }).provider.append('a.test', [record]),
        ).rejects.toMatchObject({
          code: 'ERR_DNS_CREDENTIALS',
          message: expect.stringContaining(words),
        });
      } finally {
        await removeFolder(folder);
      }
    });
    it('are refused where the directory does not know the certificate', async () => {
      const { folder, write, texts } = await certificateFolder();
      try {
        const input = { ...principal, clientCertificateFile: await write(['key', 'certificate']) };
        await expect(
          subject({ credentials: input }, { clientCertificate: texts.foreign }).provider.append(
            'a.test',
            [record],
          ),
        ).rejects.toMatchObject({
          code: 'ERR_DNS_CREDENTIALS',
          message: expect.stringContaining('AADSTS700027'),
        });
      } finally {
        await removeFolder(folder);
      }
    });
  });
  it("are an access token of someone else's, asked for again", async () => {
    let asked = 0;
    const { provider, host } = subject(
      {
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
  it.each([
    ["the machine's own", undefined, ''],
    [
      'a managed identity that is named',
      { clientId: principal.clientId },
      `&client_id=${principal.clientId}`,
    ],
    [
      'that too where a tenant is known and no secret',
      principal,
      `&client_id=${principal.clientId}`,
    ],
  ])('are %s', async (_, input, query) => {
    const { provider, host } = subject({ credentials: input });
    await provider.append('a.test', [record]);
    expect(host.tokens.metadata.requests).toEqual([
      `GET /token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com${query}`,
    ]);
    await provider.remove('a.test', [record]);
    expect(host.tokens.granted()).toHaveLength(1);
  });
  it('are refused where the machine has not the managed identity that is named', async () => {
    await expect(
      subject({ credentials: { clientId: 'none' } }).provider.append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('Identity not found'),
    });
  });
  it('are asked for where the machine has none, within seconds', async () => {
    const { clock, host } = subject();
    host.tokens.metadata.trouble('silence');
    const inside = azure({ subscriptionId: 'sub-1', fetch: host.fetch, clock });
    await expect(clock.run(inside.append('a.test', [record]))).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(
        'give tenantId and clientId with clientSecret, clientCertificateFile or federatedTokenFile, or accessToken',
      ),
    });
    expect(clock.monotonic()).toBeLessThanOrEqual(5000);
    const stop = new AbortController();
    const waiting = inside.append('a.test', [record], { signal: stop.signal });
    setImmediate(() => stop.abort(new Error('enough')));
    await expect(waiting).rejects.toThrow('enough');
  });
  it.each([
    ['another secret', { ...principal, clientSecret: 'wrong-that-stays-secret' }, 'AADSTS7000215'],
    [
      'an empty secret',
      { ...principal, clientSecret: '' },
      'the client secret is missing or empty',
    ],
    ['another client', { ...credentials, clientId: 'none' }, 'AADSTS700016'],
    [
      'another tenant',
      { ...credentials, tenantId: 'no/where' },
      "AADSTS90002: Tenant 'no/where' not found.",
    ],
  ])("are refused in Entra ID's words: %s", async (_, input, words) => {
    const error: unknown = await subject({ credentials: input })
      .provider.append('a.test', [record])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(words),
    });
    expect(String(error)).not.toContain('\n');
    expect(inspect(error, { depth: 9 })).not.toContain('stays-secret');
  });
  it('are not at fault for trouble of Entra ID', async () => {
    const { provider, host, clock } = subject();
    for (const kind of ['server-error', 'not-json'] as const) {
      host.tokens.entra.trouble(kind);
      await expect(clock.run(provider.append('a.test', [record]))).rejects.toMatchObject({
        code: 'ERR_DNS_API',
      });
    }
    host.tokens.entra.trouble('silence');
    const stop = new AbortController();
    const waiting = provider.append('a.test', [record], { signal: stop.signal });
    setImmediate(() => stop.abort(new Error('enough')));
    await expect(waiting).rejects.toThrow('enough');
    expect(host.requests).toEqual([]);
  });
});
