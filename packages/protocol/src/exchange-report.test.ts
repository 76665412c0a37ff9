import { describe, expect, it } from '@jest/globals';
import { type AcmeExchange, getOrder, newOrder, revokeCertificate } from './index.ts';
import { base, networkError, problem, sessionWith } from './scripted-ca.testing.ts';

const identifiers = [{ type: 'dns' as const, value: 'a.test' }];

/** Returns a session with all that it reports. */
async function watchedSession(script: Parameters<typeof sessionWith>[0]) {
  const exchanges: AcmeExchange[] = [];
  const onExchange = (exchange: AcmeExchange) => void exchanges.push(exchange);
  return { ...(await sessionWith(script, { onExchange })), exchanges };
}

describe('the report of requests', () => {
  it('names the operation of each attempt, and what the CA had against it', async () => {
    let refusals = 0;
    const { session, exchanges } = await watchedSession({
      '/order': () => (refusals++ === 0 ? problem('badNonce') : problem('rateLimited')),
    });
    await expect(newOrder(session, { identifiers })).rejects.toMatchObject({
      code: 'ERR_ACME_RATE_LIMITED',
    });
    expect(
      exchanges.map(({ operation, status, problem: what }) => [operation, status, what]),
    ).toEqual([
      ['directory', 200, undefined],
      ['newNonce', 200, undefined],
      ['newOrder', 400, 'badNonce'],
      ['newOrder', 400, 'rateLimited'],
    ]);
    expect(exchanges.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
  });

  it('says when the CA allows the next request', async () => {
    const { session, exchanges } = await watchedSession({
      '/order': () => ({
        ...problem('rateLimited'),
        headers: { 'content-type': 'application/problem+json', 'retry-after': '3600' },
      }),
    });
    await expect(newOrder(session, { identifiers })).rejects.toThrow();
    const expected = session.clock.now().add({ hours: 1 });
    expect(exchanges.at(-1)?.retryAfter?.toString()).toBe(expected.toString());
  });

  it('never repeats a problem type that the CA has made up', async () => {
    const { session, exchanges } = await watchedSession({
      '/revoke': () => ({ ...problem('x'), body: { type: 'urn:evil:\n"{secret}' } }),
    });
    await expect(revokeCertificate(session, new Uint8Array([1]))).rejects.toThrow();
    expect(exchanges.at(-1)).toMatchObject({ operation: 'revokeCert', problem: 'other' });
  });

  it('has the code of an error where there was no answer', async () => {
    const { session, exchanges, clock } = await watchedSession({
      '/thing': () => networkError('ECONNREFUSED'),
    });
    const failed = expect(getOrder(session, `${base}/thing`)).rejects.toMatchObject({
      code: 'ERR_ACME_UNREACHABLE',
    });
    await clock.advance('PT1M');
    await failed;
    const attempts = exchanges.filter(({ operation }) => operation === 'order');
    expect(attempts).toHaveLength(4);
    expect(attempts.at(-1)?.status).toBeUndefined();
    expect(attempts.at(-1)?.problem).toBe('ERR_ACME_UNREACHABLE');
  });
});
