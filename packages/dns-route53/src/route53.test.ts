import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { signatureOf } from '@acmex/aws/stand-in';
import { virtualClock } from '@acmex/clock';
import { dnsProviderContract, dnsZoneContract } from '@acmex/dns/contract';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { route53, type Route53Options } from './index.ts';
import { route53StandIn, type Route53StandInOptions } from './route53.testing.ts';
import { read, written } from './txt-value.ts';

const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'a-key-that-stays-secret' };
const record = { name: '_acme-challenge', value: 'mine' };

function subject(options: Partial<Route53Options> = {}, more: Partial<Route53StandInOptions> = {}) {
  const host = route53StandIn({
    ...credentials,
    zones: ['one.test', 'two.test', 'a.test', 'private:a.test'],
    ...more,
  });
  const clock = virtualClock();
  return {
    host,
    clock,
    provider: route53({ credentials, requestHandler: host.requestHandler, clock, ...options }),
  };
}

/** A configuration of AWS's tools with a role, and a token of a web identity. */
async function awsFiles() {
  const folder = await mkdtemp(join(tmpdir(), 'acmex-aws-'));
  const [config, token] = [join(folder, 'config'), join(folder, 'token')];
  await writeFile(token, 'eyJ.web.identity');
  await writeFile(
    config,
    [
      '[profile dns]',
      'role_arn = arn:aws:iam::123456789012:role/dns',
      'external_id = external',
      'credential_source = Environment',
      'region = us-east-1',
    ].join('\n'),
  );
  return { config, token, [Symbol.asyncDispose]: () => removeFolder(folder) };
}

type Handler = NonNullable<Route53Options['requestHandler']>;

/** STS for one role, as its reference describes it; it passes on requests to all other hosts. */
function stsStandIn(
  next: unknown,
  { roleArn, externalId, ofRole }: { roleArn: string; externalId: string; ofRole: AwsCredentials },
) {
  const hosts: string[] = [];
  let trouble: { readonly status: number; readonly body: string } | undefined;
  const route53Handler = next as {
    handle(request: SignedStsRequest, options: unknown): Promise<unknown>;
  };
  const failure = (status: number, code: string, message: string) => ({
    status,
    body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
  });
  const answer = ({ hostname, method, path, headers, body }: SignedStsRequest) => {
    const form = Object.fromEntries(new URLSearchParams(body));
    const [, scope = '', names = '', signature] =
      /^AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE\/(\S+), SignedHeaders=(\S+), Signature=(\S+)$/.exec(
        headers['authorization'] ?? '',
      ) ?? [];
    const expected = signatureOf(
      { method, url: new URL(`https://${hostname}${path}`), headers, body },
      { names: names.split(';'), scope, secretAccessKey: credentials.secretAccessKey },
    );
    if (signature !== expected || !scope.endsWith('/sts/aws4_request'))
      return failure(403, 'SignatureDoesNotMatch', 'The request signature does not match');
    const isAllowed =
      form['Action'] === 'AssumeRole' &&
      form['Version'] === '2011-06-15' &&
      form['RoleArn'] === roleArn &&
      form['ExternalId'] === externalId &&
      /^[\w+=,.@-]{2,64}$/.test(form['RoleSessionName'] ?? '') &&
      form['DurationSeconds'] === '3600';
    if (!isAllowed)
      return failure(403, 'AccessDenied', 'User is not authorized to perform: sts:AssumeRole');
    return {
      status: 200,
      body: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><SessionToken>\n${ofRole.sessionToken}\n</SessionToken><SecretAccessKey>${ofRole.secretAccessKey}</SecretAccessKey><Expiration>2100-01-01T00:00:00Z</Expiration><AccessKeyId>${ofRole.accessKeyId}</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    };
  };
  const handle = async (request: SignedStsRequest, options: unknown) => {
    if (!request.hostname.startsWith('sts.')) return await route53Handler.handle(request, options);
    hosts.push(request.hostname);
    const { status, body } = trouble ?? answer(request);
    const headers = { 'content-type': 'text/xml' };
    return { response: { statusCode: status, headers, body: Readable.from([Buffer.from(body)]) } };
  };
  return {
    hosts,
    answerWith: (wrong: typeof trouble) => {
      trouble = wrong;
    },
    requestHandler: { handle } as unknown as Handler,
  };
}

interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

interface SignedStsRequest extends StsRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers requests to STS with the keys of the stand-in, and passes on all others. */
function stsBefore(next: unknown) {
  const forms: Readonly<Record<string, string>>[] = [];
  const route53Handler = next as {
    handle(request: StsRequest, options: unknown): Promise<unknown>;
  };
  const handle = async (request: StsRequest, options: unknown) => {
    if (!request.hostname.startsWith('sts.')) return await route53Handler.handle(request, options);
    const form = Object.fromEntries(new URLSearchParams(request.body));
    forms.push(form);
    const { Action = '' } = form;
    const keys = `<Credentials><AccessKeyId>${credentials.accessKeyId}</AccessKeyId><SecretAccessKey>${credentials.secretAccessKey}</SecretAccessKey><SessionToken>a-token</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>`;
    const body = `<${Action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${Action}Result>${keys}</${Action}Result></${Action}Response>`;
    return {
      response: {
        statusCode: 200,
        headers: { 'content-type': 'text/xml' },
        body: Readable.from([Buffer.from(body)]),
      },
    };
  };
  return { forms, requestHandler: { handle } as unknown as Handler };
}

interface StsRequest {
  readonly hostname: string;
  readonly body: string;
}

describe('route53', () => {
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
        secrets: [credentials.secretAccessKey],
      });
    },
  );
  it.each(dnsZoneContract.map((clause) => [clause.title, clause] as const))(
    '%s',
    async (_, { check }) => {
      await check((zones) => subject({}, { zones }).provider);
    },
  );

  it('keeps the values of others unchanged, and the time to live that they have', async () => {
    const { provider, host } = subject();
    const existingValues = ['"v=spf1 \\"quoted\\""', `"${'x'.repeat(255)}" "y"`, '"\\303\\274"'];
    host.put('Z3', {
      name: '_acme-challenge.a.test.',
      type: 'TXT',
      ttl: 300,
      values: existingValues,
    });
    await provider.append('a.test', [record]);
    expect(host.at('_acme-challenge.a.test')).toEqual([
      expect.objectContaining({ ttl: 300, values: [...existingValues, '"mine"'] }),
    ]);
    await provider.remove('a.test', [record]);
    expect(host.at('_acme-challenge.a.test')).toEqual([
      expect.objectContaining({ ttl: 300, values: existingValues }),
    ]);
  });
  it('reads again and loses nothing when someone else changes the record set in between', async () => {
    const { host, clock } = subject();
    const theirs = ['one', 'two'];
    const inner = host.requestHandler;
    const late = {
      ...inner,
      handle: async (...args: Parameters<typeof inner.handle>) => {
        const concurrent = args[0].method === 'POST' ? theirs.shift() : undefined;
        if (concurrent !== undefined)
          await route53({ credentials, requestHandler: inner }).append('a.test', [
            { ...record, value: concurrent },
          ]);
        return await inner.handle(...args);
      },
    };
    await clock.run(
      route53({ credentials, requestHandler: late, clock }).append('a.test', [record]),
    );
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['one', 'two', 'mine']);
    theirs.push('three');
    await clock.run(
      route53({ credentials, requestHandler: late, clock }).remove('a.test', [record]),
    );
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['one', 'two', 'three']);
  });
  it('gives up where others change the record set all the time', async () => {
    const { host, clock } = subject();
    let count = 0;
    const inner = host.requestHandler;
    const late = {
      ...inner,
      handle: async (...args: Parameters<typeof inner.handle>) => {
        if (args[0].method === 'POST')
          await route53({ credentials, requestHandler: inner }).append('a.test', [
            { ...record, value: `other ${++count}` },
          ]);
        return await inner.handle(...args);
      },
    };
    await expect(
      clock.run(route53({ credentials, requestHandler: late, clock }).append('a.test', [record])),
    ).rejects.toMatchObject({ code: 'ERR_DNS_API', message: expect.stringContaining('ten times') });
  });
  it.each([
    ['weighted', { setIdentifier: 'west', ttl: 60, values: ['"theirs"'] }],
    ['an alias', {}],
  ])('leaves a record set alone that is %s', async (_, set) => {
    const { provider, host } = subject();
    host.put('Z3', { name: '_acme-challenge.a.test.', type: 'TXT', ...set });
    await provider.remove('a.test', [record, { ...record, value: 'theirs' }]);
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('delegate _acme-challenge.a.test by a CNAME record'),
    });
    expect(host.requests.filter((request) => request.startsWith('POST'))).toEqual([]);
  });

  it('returns when all servers have the change', async () => {
    const { provider, host, clock } = subject({}, { pending: 3 });
    await clock.run(provider.append('a.test', [record]));
    expect(clock.monotonic()).toBe(15_000);
    expect(host.requests.filter((request) => request === 'GET /change/C1')).toHaveLength(4);
  });
  it('says ERR_DNS_NOT_VISIBLE where they do not get it within the limit', async () => {
    const { provider, clock } = subject({ insyncLimit: 'PT1M' }, { pending: 100 });
    await expect(clock.run(provider.append('a.test', [record]))).rejects.toMatchObject({
      code: 'ERR_DNS_NOT_VISIBLE',
      message: expect.stringContaining('in 60 seconds'),
    });
  });
  it('waits for no removal', async () => {
    const { provider, host } = subject();
    await provider.append('a.test', [record]);
    const before = host.requests.length;
    await provider.remove('a.test', [record]);
    expect(host.requests.slice(before).filter((request) => request.includes('change'))).toEqual([]);
  });

  it('writes the public zone of two with one name, the private one where that is said, and lists them over all pages', async () => {
    const { provider, host } = subject();
    await provider.append('a.test', [record]);
    await expect(provider.zones!()).resolves.toEqual(['a.test', 'one.test', 'two.test']);
    const inside = route53({
      credentials,
      requestHandler: host.requestHandler,
      visibility: 'private',
    });
    await inside.append('a.test', [{ ...record, value: 'hidden' }]);
    await expect(inside.zones!()).resolves.toEqual(['a.test']);
    expect(host.requests.filter((request) => request.startsWith('POST'))).toEqual([
      'POST /hostedzone/Z3/rrset',
      'POST /hostedzone/Z4/rrset',
    ]);
    await expect(inside.append('one.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: expect.stringContaining('no private hosted zone one.test'),
    });
  });
  it('asks which of several public zones of one name is meant, and takes the id for an answer', async () => {
    const { provider, host } = subject({}, { zones: ['a.test', 'b.test', 'a.test'] });
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: 'route53: 2 public hosted zones are called a.test (Z1, Z3): give hostedZoneId',
    });
    const before = host.requests.length;
    const pinned = route53({
      credentials,
      requestHandler: host.requestHandler,
      hostedZoneId: 'Z3',
    });
    await pinned.append('a.test', [record]);
    expect(host.requests.slice(before).map((request) => request.split('?')[0])).toEqual([
      'GET /hostedzone/Z3/rrset',
      'POST /hostedzone/Z3/rrset',
      'GET /change/C1',
    ]);
    await expect(pinned.zones!()).resolves.toEqual(['a.test']);
    await expect(pinned.append('b.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: expect.stringContaining('is not permitted in zone a.test.'),
    });
    await expect(
      route53({ credentials, requestHandler: host.requestHandler, hostedZoneId: 'Z9' }).append(
        'a.test',
        [record],
      ),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: expect.stringContaining('No hosted zone found with ID: Z9'),
    });
  });

  it.each([
    'quotes " and \\ and \\101',
    'ü and 😀',
    'x'.repeat(600),
    `${'x'.repeat(254)}ü`,
    ' ',
    '<&>',
  ])('writes any value, and finds it again: %j', async (value) => {
    const { provider, host } = subject();
    await provider.append('a.test', [{ ...record, value }]);
    await provider.append('a.test', [{ ...record, value }]);
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual([value]);
    await provider.remove('a.test', [{ ...record, value }]);
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual([]);
    expect(read(written(value))).toBe(value);
  });
  it('knows names of other characters, which Route 53 shows in octal', async () => {
    const { provider, host } = subject();
    await provider.append('a.test', [{ name: '*', value: 'one' }]);
    await provider.append('a.test', [{ name: '*', value: 'two' }]);
    expect(host.at('*.a.test')).toMatchObject([
      { name: '\\052.a.test.', values: ['"one"', '"two"'] },
    ]);
  });
  it('says what Route 53 says', async () => {
    const { provider } = subject();
    await expect(
      provider.append('a.test', [
        { name: 'x', value: '' },
        { name: 'x', value: 'y', ttl: -1 },
      ]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message:
        'route53: ChangeResourceRecordSets is refused for the zone a.test (400 ChangeBatch is not valid, expected ChangeResourceRecordSetsRequest (MalformedInput)): correct what the host names',
    });
  });
  it.each([
    ['PriorRequestNotComplete', 400, 'ERR_DNS_RATE_LIMITED'],
    ['ExpiredToken', 400, 'ERR_DNS_CREDENTIALS'],
    ['AccessDenied', 403, 'ERR_DNS_CREDENTIALS'],
    ['InvalidInput', 400, 'ERR_DNS_API'],
  ])('reports what %s means', async (code, statusCode, expected) => {
    const clock = virtualClock();
    const body = Buffer.from(
      `<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Code>${code}</Code><Message>words with ${credentials.secretAccessKey}</Message></Error></ErrorResponse>`,
    );
    const provider = route53({
      credentials,
      clock,
      requestHandler: {
        metadata: { handlerProtocol: 'http/1.1' },
        handle: async () => ({
          response: { statusCode, headers: { 'content-type': 'text/xml' }, body },
        }),
      },
    });
    await expect(clock.run(provider.append('a.test', [record]))).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining(`${statusCode} words with … (${code})`),
    });
  });

  it('asks for the keys again with every request, and sends the token of temporary ones', async () => {
    let asked = 0;
    const { host } = subject({}, { sessionToken: 'a-token' });
    const provider = route53({
      requestHandler: host.requestHandler,
      credentials: {
        ...credentials,
        secretAccessKey: async () => {
          asked += 1;
          return credentials.secretAccessKey;
        },
        sessionToken: 'a-token',
      },
    });
    await provider.append('a.test', [record]);
    expect(asked).toBe(host.requests.length);
    await expect(
      route53({
        requestHandler: host.requestHandler,
        credentials: { ...credentials, secretAccessKey: '' },
      }).append('a.test', [record]),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: 'route53: the secret access key is missing or empty: give it',
    });
  });

  describe('with what AWS finds', () => {
    const before = { ...process.env };
    beforeEach(() => {
      // AWS warns of keys in the environment beside a profile, which here are what the profile names.
      jest.spyOn(console, 'warn').mockImplementation(() => undefined);
      process.env = { ...before };
      Object.assign(process.env, {
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      });
    });
    afterEach(() => {
      jest.restoreAllMocks();
      process.env = before;
    });

    it('takes the keys of the environment', async () => {
      const { host } = subject();
      await route53({ requestHandler: host.requestHandler }).append('a.test', [record]);
      await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
    });
    it.each(['a profile with a role', 'a web identity'])(
      'takes the temporary keys of %s, from STS through the same connections',
      async (way) => {
        await using files = await awsFiles();
        Object.assign(process.env, { AWS_CONFIG_FILE: files.config });
        const isProfile = way === 'a profile with a role';
        if (!isProfile) {
          delete process.env['AWS_ACCESS_KEY_ID'];
          Object.assign(process.env, {
            AWS_WEB_IDENTITY_TOKEN_FILE: files.token,
            AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/dns',
          });
        }
        const { host } = subject({}, { sessionToken: 'a-token' });
        const sts = stsBefore(host.requestHandler);
        await route53({
          requestHandler: sts.requestHandler,
          ...(isProfile ? { credentials: { profile: 'dns' } } : {}),
        }).append('a.test', [record]);
        await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
        expect(sts.forms).toMatchObject([
          {
            RoleArn: 'arn:aws:iam::123456789012:role/dns',
            ...(isProfile
              ? { Action: 'AssumeRole', ExternalId: 'external' }
              : { Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: 'eyJ.web.identity' }),
          },
        ]);
      },
    );
    it('takes the keys of the container', async () => {
      const server = createServer((_, response) => {
        response.setHeader('content-type', 'application/json');
        response.end(
          JSON.stringify({
            AccessKeyId: credentials.accessKeyId,
            SecretAccessKey: credentials.secretAccessKey,
            Token: 'a-token',
            Expiration: '2100-01-01T00:00:00Z',
          }),
        );
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        delete process.env['AWS_ACCESS_KEY_ID'];
        const { port } = server.address() as AddressInfo;
        process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] = `http://127.0.0.1:${port}/keys`;
        const { host } = subject({}, { sessionToken: 'a-token' });
        await route53({ requestHandler: host.requestHandler }).append('a.test', [record]);
        await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine']);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    });
    it('says that it finds none', async () => {
      delete process.env['AWS_SECRET_ACCESS_KEY'];
      const { host } = subject();
      await expect(
        route53({ requestHandler: host.requestHandler }).append('a.test', [record]),
      ).rejects.toMatchObject({
        code: 'ERR_DNS_CREDENTIALS',
        message: expect.stringContaining('AWS finds no credentials'),
      });
      await expect(
        route53({ requestHandler: host.requestHandler, credentials: { profile: 'no one' } }).append(
          'a.test',
          [record],
        ),
      ).rejects.toMatchObject({ code: 'ERR_DNS_CREDENTIALS' });
    });
  });
});

describe('a role that the credentials act as', () => {
  const roleArn = 'arn:aws:iam::123456789012:role/dns';
  const ofRole = {
    accessKeyId: 'ASIAROLE',
    secretAccessKey: 'a-role-key-that-stays-secret',
    sessionToken: 'a-role-token-that-stays-secret',
  };
  function machine(options: Partial<Route53Options> = {}) {
    const { host, clock } = subject({}, ofRole);
    const sts = stsStandIn(host.requestHandler, { roleArn, externalId: 'external', ofRole });
    const provider = route53({
      credentials,
      roleArn,
      externalId: 'external',
      requestHandler: sts.requestHandler,
      clock,
      ...options,
    });
    return { host, clock, sts, provider };
  }

  it('gives its temporary credentials, until shortly before their end', async () => {
    const { host, clock, sts, provider } = machine();
    await provider.append('a.test', [record]);
    await clock.advance('PT54M');
    await provider.append('a.test', [{ ...record, value: 'two' }]);
    await expect(host.lookUp('_acme-challenge.a.test')).resolves.toEqual(['mine', 'two']);
    expect(sts.hosts).toEqual(['sts.us-east-1.amazonaws.com']);
    await clock.advance('PT2M');
    await provider.remove('a.test', [record]);
    expect(sts.hosts).toHaveLength(2);
  });
  it('is asked for in the region of China, where STS has another name', async () => {
    const { clock, sts, provider } = machine({ region: 'cn-north-1' });
    await expect(clock.run(provider.append('a.test', [record]))).rejects.toThrow();
    expect(sts.hosts[0]).toBe('sts.cn-north-1.amazonaws.com.cn');
  });
  it('is asked for again after its credentials were refused', async () => {
    const { host, sts, provider } = machine();
    host.trouble('credentials');
    await expect(provider.append('a.test', [record])).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
    });
    host.trouble(undefined);
    await provider.append('a.test', [record]);
    expect(sts.hosts).toHaveLength(2);
  });
  it.each<readonly [string, Partial<Route53Options>, string]>([
    ['another external id', { externalId: 'wrong' }, '(403 User is not authorized to perform'],
    ['no external id', { externalId: undefined as never }, '(AccessDenied)'],
    ['another role', { roleArn: `${roleArn}x` }, 'sts:AssumeRole'],
    [
      'other credentials',
      { credentials: { ...credentials, secretAccessKey: 'wrong-that-stays-secret' } },
      'SignatureDoesNotMatch',
    ],
    ['a secret that is empty', { credentials: { ...credentials, secretAccessKey: '' } }, 'missing'],
  ])("is refused in AWS's words: %s", async (_, options, words) => {
    const error: unknown = await machine(options)
      .provider.append('a.test', [record])
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(words),
    });
    expect(String(error)).not.toContain('stays-secret');
  });
  it.each([
    ['server-error', 500],
    ['a page in HTML', 502],
    ['an answer without credentials', 200],
  ])('is not at fault for trouble of STS: %s', async (_, status) => {
    const { clock, sts, provider } = machine();
    sts.answerWith({ status, body: '<html>down</html>' });
    await expect(clock.run(provider.append('a.test', [record]))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('AssumeRole'),
    });
  });
});

describe('the signature of the stand-in', () => {
  // https://docs.aws.amazon.com/general/latest/gr/sigv4-create-canonical-request.html, with the
  // signature of its last step.
  it("is that of AWS's example", () => {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      host: 'iam.amazonaws.com',
      'x-amz-date': '20150830T123600Z',
    };
    expect(
      signatureOf(
        {
          method: 'GET',
          url: new URL('https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08'),
          headers,
          body: '',
        },
        {
          names: Object.keys(headers),
          scope: '20150830/us-east-1/iam/aws4_request',
          secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
        },
      ),
    ).toBe('5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7');
  });
});
