import { randomBytes } from 'node:crypto';
import { createAuthority, issuerOf } from '@acmex/ca';
import { parseCsr, webcrypto } from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import type { Issuer, IssuerRequest, JsonObject, RenewalInfo } from './index.ts';

/**
 * An issuer that signs with a real CA's key, without ACME. It answers late, and the test controls
 * it.
 */
export interface TestIssuer extends Issuer {
  /** The orders at the CA. */
  readonly orders: readonly string[];
  readonly requests: readonly IssuerRequest[];
  /** The states that `abandon` was called with. */
  readonly abandoned: readonly JsonObject[];
  /** Thrown by the next calls of `issue`. */
  readonly failures: Error[];
  lifetime: { readonly hours: number };
  /** Which of the CA's alternates `issue` returns; none by default. */
  alternatesOf: (alternates: readonly string[]) => readonly string[];
  window: RenewalInfo | undefined;
  /** Called at each point where a real issuer would wait. */
  onWait: (at: 'ordered' | 'presented') => Promise<void>;
}

/** Created once, because the passphrase takes long on purpose. */
let authorities: ReturnType<typeof createAuthority> | undefined;

export async function testIssuer(clock: Clock, name = 'test'): Promise<TestIssuer> {
  authorities ??= createAuthority({
    name: 'Test',
    passphrase: 'correct horse battery',
    keyType: 'ec-p256',
    constraints: { domains: ['test'], addresses: [] },
    clock,
  });
  const { root, issuing, issuingKey } = await authorities;
  const authority = issuerOf({
    chain: issuing,
    alternates: [issuing + root],
    key: await webcrypto().import(issuingKey),
    clock,
  });
  const orders: string[] = [];
  const requests: IssuerRequest[] = [];
  const abandoned: JsonObject[] = [];
  const issuer: TestIssuer = {
    name,
    orders,
    requests,
    abandoned,
    failures: [],
    lifetime: { hours: 90 * 24 },
    alternatesOf: () => [],
    window: undefined,
    onWait: async () => undefined,
    async issue(request, { state = {}, save, onStep, signal }) {
      requests.push(request);
      const failure = issuer.failures.shift();
      if (failure) throw failure;
      let url = state.order as string | undefined;
      if (url === undefined) {
        url = `https://ca.test/order/${orders.length + 1}`;
        orders.push(url);
        await save({ order: url });
        onStep?.({ type: 'ordered', url });
      }
      await issuer.onWait('ordered');
      signal?.throwIfAborted();
      await save({ order: url, presented: true });
      await issuer.onWait('presented');
      signal?.throwIfAborted();
      onStep?.({ type: 'validated' });
      const { identifiers, publicKey } = await parseCsr(request.csr);
      const now = clock.now();
      const [chain = '', ...alternates] = await authority.issue({
        serialNumber: `4${randomBytes(15).toString('hex').slice(1)}`,
        identifiers,
        publicKey,
        rsa: false,
        usages: ['serverAuth'],
        mustStaple: false,
        notBefore: now,
        notAfter: now.add(issuer.lifetime),
        issuerUrl: 'http://ca.test/issuer',
        crlUrl: 'http://ca.test/crl',
      });
      return { chain, alternates: issuer.alternatesOf(alternates) };
    },
    abandon: async (state) => {
      abandoned.push(state);
    },
    renewalInfo: async () => issuer.window,
  };
  return issuer;
}
