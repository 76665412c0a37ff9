import { type VirtualClock, virtualClock } from '@acmex/clock';
import type { DnsProvider } from '@acmex/dns';
import { acmedns } from '@acmex/dns-acmedns';
import { godaddy } from '@acmex/dns-godaddy';
import { httpreq } from '@acmex/dns-hooks';
import { describe, expect, it } from '@jest/globals';
import { dnsKinds } from './kinds.ts';
import { zoneHosts } from './zone-hosts.testing.ts';

type Transport = { readonly fetch: typeof fetch; readonly clock: VirtualClock };
const account = { fulldomain: 'a.test', subdomain: 's', username: 'u', password: 'p' };
const hosts: Readonly<Record<string, (transport: Transport) => DnsProvider>> = {
  ...Object.fromEntries(Object.entries(zoneHosts).map(([type, { open }]) => [type, open])),
  acmedns: (transport: Transport) =>
    acmedns({ url: 'https://acme-dns.test', accounts: [account], ...transport }),
  godaddy: (transport: Transport) => godaddy({ key: 'k', secret: 's', ...transport }),
  httpreq: (transport: Transport) => httpreq({ endpoint: 'https://hooks.test', ...transport }),
};
const types = Object.keys(hosts);

it('covers every kind of host with an API over HTTP', () => {
  const withoutHttp = ['acme.sh', 'certbot', 'exec', 'manual', 'rfc2136'];
  expect([...types, ...withoutHttp].sort()).toEqual(dnsKinds.map(({ type }) => type).sort());
});

interface Failure {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Appends a record at a host that answers every request in one way. */
async function append(type: string, { status, body = {}, headers = {} }: Failure) {
  const clock = virtualClock();
  let requests = 0;
  const fetch = async () => {
    requests += 1;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return new Response(text, {
      status,
      headers: { 'content-type': 'application/json', ...headers },
    });
  };
  const provider = hosts[type]!({ fetch, clock });
  const error: unknown = await clock
    .run(provider.append('a.test', [{ name: '@', value: 'x' }]))
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  const { code, retryAfter } = error as { readonly code: string; readonly retryAfter: unknown };
  return { code, retryAfter, requests, clock, message: String(error) };
}
const secondsUntil = (retryAfter: unknown, clock: VirtualClock) =>
  Math.round((Date.parse(String(retryAfter)) - clock.now().epochMilliseconds) / 1000);

describe.each(types)('%s', (type) => {
  it('names the time at which a limit ends, in seconds or as a date', async () => {
    const date = new Date(virtualClock().now().epochMilliseconds + 7_200_000).toUTCString();
    for (const [value, seconds] of [
      ['7200', 7200],
      [date, 7200],
    ] as const) {
      const result = await append(type, { status: 429, headers: { 'retry-after': value } });
      expect(result.code).toBe('ERR_DNS_RATE_LIMITED');
      expect(secondsUntil(result.retryAfter, result.clock)).toBe(seconds);
    }
  });
  it.each(['ratelimit-reset', 'x-ratelimit-reset'])(
    'names the time at which a limit ends by %s, which without status 429 means no limit',
    async (name) => {
      const inOneHour = virtualClock().now().epochMilliseconds / 1000 + 3600;
      for (const value of [String(inOneHour), '3600']) {
        const result = await append(type, { status: 429, headers: { [name]: value } });
        expect(result.code).toBe('ERR_DNS_RATE_LIMITED');
        expect(secondsUntil(result.retryAfter, result.clock)).toBe(3600);
        await expect(
          append(type, { status: 403, headers: { [name]: value } }),
        ).resolves.toMatchObject({ code: 'ERR_DNS_CREDENTIALS', retryAfter: undefined });
      }
    },
  );
  it('waits no time that has passed, or that is not a time', async () => {
    for (const value of ['1000000000', '-1', 'soon', '9'.repeat(30)])
      await expect(
        append(type, { status: 429, headers: { 'ratelimit-reset': value } }),
      ).resolves.toMatchObject({ code: 'ERR_DNS_RATE_LIMITED', retryAfter: undefined });
  });
  it('tries again after a limit that ends soon', async () => {
    const result = await append(type, { status: 429, headers: { 'retry-after': '2' } });
    expect(result).toMatchObject({ code: 'ERR_DNS_RATE_LIMITED' });
    expect(result.requests).toBeGreaterThan(2);
  });
  it.each([500, 502, 503, 504])(
    'takes status %i for trouble, and not for a refusal',
    async (status) => {
      await expect(append(type, { status, body: '<html>' })).resolves.toMatchObject({
        code: 'ERR_DNS_API',
      });
    },
  );
  it("says that this machine's clock is wrong, by the date of a refusal", async () => {
    const now = virtualClock().now().epochMilliseconds;
    const at = async (status: number, ms: number) => {
      const date = new Date(now + ms).toUTCString();
      return (await append(type, { status, headers: { date } })).message;
    };
    const words = "set this machine's clock, for signatures and tokens depend on it";
    for (const status of [400, 401, 403])
      for (const ms of [-3_600_000, 3_600_000]) expect(await at(status, ms)).toContain(words);
    expect(await at(403, 60_000)).not.toContain(words);
    expect((await append(type, { status: 403 })).message).not.toContain(words);
  });
  it('takes 403 with a time for a limit', async () => {
    await expect(
      append(type, { status: 403, headers: { 'retry-after': '3600' } }),
    ).resolves.toMatchObject({ code: 'ERR_DNS_RATE_LIMITED' });
  });
});

const azureError = (code: string) => ({ error: { code, message: 'no' } });
const googleError = (reason: string) => ({ error: { message: 'no', errors: [{ reason }] } });
const tencentError = (Code: string) => ({ Response: { Error: { Code, Message: 'no' } } });
const route53Error = (code: string) =>
  `<ErrorResponse><Error><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`;

it.each<readonly [string, Failure, string]>([
  ['huawei', { status: 403, body: { code: 'DNS.0014', message: 'no' } }, 'ERR_DNS_RATE_LIMITED'],
  ['huawei', { status: 429, body: { error_code: 'APIGW.0308' } }, 'ERR_DNS_RATE_LIMITED'],
  ['huawei', { status: 403, body: { code: 'DNS.0013', message: 'no' } }, 'ERR_DNS_CREDENTIALS'],
  ['google', { status: 403, body: googleError('rateLimitExceeded') }, 'ERR_DNS_RATE_LIMITED'],
  ['google', { status: 403, body: googleError('userRateLimitExceeded') }, 'ERR_DNS_RATE_LIMITED'],
  ['google', { status: 403, body: googleError('dailyLimitExceeded') }, 'ERR_DNS_RATE_LIMITED'],
  ['google', { status: 403, body: googleError('quotaExceeded') }, 'ERR_DNS_API'],
  ['google', { status: 403, body: googleError('forbidden') }, 'ERR_DNS_CREDENTIALS'],
  ['alibaba', { status: 400, body: { Code: 'Throttling.User' } }, 'ERR_DNS_RATE_LIMITED'],
  ['alibaba', { status: 400, body: { Code: 'FlowControl.x' } }, 'ERR_DNS_RATE_LIMITED'],
  ['alibaba', { status: 403, body: { Code: 'Forbidden.RAM' } }, 'ERR_DNS_CREDENTIALS'],
  ['alibaba', { status: 400, body: { Code: 'LastOperationNotFinished' } }, 'ERR_DNS_API'],
  ['tencent', { status: 200, body: tencentError('RequestLimitExceeded') }, 'ERR_DNS_RATE_LIMITED'],
  [
    'tencent',
    { status: 200, body: tencentError('RequestLimitExceeded.CreateDomainLimit') },
    'ERR_DNS_RATE_LIMITED',
  ],
  [
    'tencent',
    { status: 200, body: tencentError('FailedOperation.FrequencyLimit') },
    'ERR_DNS_RATE_LIMITED',
  ],
  [
    'tencent',
    { status: 200, body: tencentError('AuthFailure.SecretIdNotFound') },
    'ERR_DNS_CREDENTIALS',
  ],
  ['route53', { status: 400, body: route53Error('Throttling') }, 'ERR_DNS_RATE_LIMITED'],
  [
    'route53',
    { status: 400, body: route53Error('PriorRequestNotComplete') },
    'ERR_DNS_RATE_LIMITED',
  ],
  [
    'cloudns',
    { status: 200, body: { status: 'Failed', statusDescription: 'Too many requests per second' } },
    'ERR_DNS_RATE_LIMITED',
  ],
  [
    'azure',
    { status: 429, body: azureError('SubscriptionRequestsThrottled') },
    'ERR_DNS_RATE_LIMITED',
  ],
  ['azure', { status: 403, body: azureError('AuthorizationFailed') }, 'ERR_DNS_CREDENTIALS'],
  ['google', { status: 429, body: googleError('rateLimitExceeded') }, 'ERR_DNS_RATE_LIMITED'],
  ['alibaba', { status: 400, body: { Code: 'InvalidTimeStamp.Expired' } }, 'ERR_DNS_CREDENTIALS'],
  [
    'tencent',
    { status: 200, body: tencentError('AuthFailure.SignatureExpire') },
    'ERR_DNS_CREDENTIALS',
  ],
  ['route53', { status: 403, body: route53Error('RequestExpired') }, 'ERR_DNS_CREDENTIALS'],
  ['route53', { status: 403, body: route53Error('ExpiredToken') }, 'ERR_DNS_CREDENTIALS'],
  ['huawei', { status: 401, body: { error_code: 'APIGW.0301' } }, 'ERR_DNS_CREDENTIALS'],
  ['alibaba', { status: 503, body: { Code: 'ServiceUnavailable' } }, 'ERR_DNS_API'],
  ['alibaba', { status: 400, body: { Code: 'Throttling' } }, 'ERR_DNS_RATE_LIMITED'],
  ['route53', { status: 400, body: route53Error('ThrottlingException') }, 'ERR_DNS_RATE_LIMITED'],
  ['route53', { status: 403, body: route53Error('AccessDenied') }, 'ERR_DNS_CREDENTIALS'],
  [
    'godaddy',
    { status: 403, body: { code: 'ACCESS_DENIED', message: 'no' } },
    'ERR_DNS_CREDENTIALS',
  ],
  ['digitalocean', { status: 429, body: { id: 'too_many_requests' } }, 'ERR_DNS_RATE_LIMITED'],
  ['linode', { status: 429, body: { errors: [{ reason: 'no' }] } }, 'ERR_DNS_RATE_LIMITED'],
  [
    'cloudflare',
    { status: 429, body: { errors: [{ code: 10000, message: 'no' }] } },
    'ERR_DNS_RATE_LIMITED',
  ],
])('reads the code of %s in %j: %s', async (type, failure, code) => {
  await expect(append(type, failure)).resolves.toMatchObject({ code });
});

it("reads the time in the body of GoDaddy's answer", async () => {
  const { code, retryAfter, clock } = await append('godaddy', {
    status: 429,
    body: { code: 'TOO_MANY_REQUESTS', message: 'no', retryAfterSec: 1800 },
  });
  expect([code, secondsUntil(retryAfter, clock)]).toEqual(['ERR_DNS_RATE_LIMITED', 1800]);
});
