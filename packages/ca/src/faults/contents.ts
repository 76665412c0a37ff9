import {
  ariCertificateId,
  createSelfSigned,
  parseCertificate,
  webcrypto,
} from '@acmex/certificate';
import type { DurationInput } from '@acmex/clock';
import { Temporal } from 'temporal-polyfill';
import { type Fault, type Json, type Resource, rewritten, sometimes, type When } from './fault.ts';

/** After finalize, an order is `processing` for this number of answers. */
export function longProcessing({ polls, ...when }: When & { readonly polls: number }): Fault {
  const left = new Map<string, number>();
  return sometimes(
    { on: ['finalize', 'order'], ...when },
    async ({ request }, next) =>
      await rewritten(await next(), (order) => {
        if (order.status !== 'valid' && order.status !== 'processing') return order;
        const url = request.url.replace(/\/finalize$/, '');
        const remaining = left.get(url) ?? polls;
        left.set(url, remaining - 1);
        if (remaining <= 0) return order;
        return { ...without(order, ['certificate']), status: 'processing' };
      }),
  );
}

/**
 * Answers lack members that RFC 8555 lets a CA omit, or that some CAs omit all the same: `contact`,
 * `orders`, `expires`.
 */
export function missingMembers({
  members = ['contact', 'orders', 'expires'],
  ...when
}: When & { readonly members?: readonly string[] } = {}): Fault {
  return sometimes(
    { on: ['newAccount', 'account', 'newOrder', 'order', 'authorization', 'finalize'], ...when },
    async (_, next) => await rewritten(await next(), (json) => without(json, members)),
  );
}

function without(json: Json, members: readonly string[]): Json {
  return Object.fromEntries(Object.entries(json).filter(([name]) => !members.includes(name)));
}

const accountMembers = ['contact', 'orders', 'termsOfServiceAgreed', 'externalAccountBinding'];
const orderMembers = [
  'expires',
  'notBefore',
  'notAfter',
  'error',
  'certificate',
  'profile',
  'replaces',
];
const challengeMembers = ['validated', 'error'];
/** The optional members of each resource. RFC 8555 §7.1, RFC 9773 §4.2 */
const optionalMembers: Partial<Record<Resource, readonly string[]>> = {
  directory: ['newAuthz', 'renewalInfo', 'meta'],
  newAccount: accountMembers,
  account: accountMembers,
  newOrder: orderMembers,
  order: orderMembers,
  finalize: orderMembers,
  authorization: ['expires', 'wildcard', 'subdomainAuthAllowed'],
  challenge: challengeMembers,
  renewalInfo: ['explanationURL'],
};
const metaMembers = [
  'termsOfService',
  'website',
  'caaIdentities',
  'externalAccountRequired',
  'profiles',
];

/**
 * Optional members that an answer does not have are `null`, also in challenges and in the
 * directory's `meta`.
 */
export function nullMembers({
  members = [],
  ...when
}: When & {
  /** Members that are `null` even if the answer has them. */
  readonly members?: readonly string[];
} = {}): Fault {
  return sometimes(when, async ({ resource }, next) => {
    const optional = (resource && optionalMembers[resource]) ?? [];
    return await rewritten(await next(), (json) => ({
      ...nulls(optional),
      ...json,
      ...(isObject(json.meta) ? { meta: { ...nulls(metaMembers), ...json.meta } } : {}),
      ...(Array.isArray(json.challenges)
        ? {
            challenges: (json.challenges as Json[]).map((challenge) => ({
              ...nulls(challengeMembers),
              ...challenge,
            })),
          }
        : {}),
      ...nulls(members),
    }));
  });
}

function nulls(members: readonly string[]): Json {
  return Object.fromEntries(members.map((name) => [name, null]));
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

/**
 * Renewal information with this window, whatever the CA would answer. Times are RFC 3339; the fault
 * does not check them, so they may also be in the wrong order, or not be times.
 */
export function movedWindow({
  start,
  end,
  explanationURL,
  ...when
}: When & {
  readonly start: string;
  readonly end: string;
  readonly explanationURL?: string;
}): Fault {
  return sometimes(
    { on: ['renewalInfo'], ...when },
    async (_, next) =>
      await rewritten(await next(), (info) => ({
        ...info,
        suggestedWindow: { start, end },
        ...(explanationURL === undefined ? {} : { explanationURL }),
      })),
  );
}

/**
 * Renewal windows outside the lifetime of their certificate. Affects certificates that a client has
 * downloaded through this fault.
 */
export function windowsOutsideLifetime({
  side,
  distance = { hours: 24 },
  ...when
}: Omit<When, 'on'> & {
  /** Whether the window is before `notBefore` or after `notAfter`. */
  readonly side: 'before' | 'after';
  /** Between the lifetime and the window, and the length of the window; a day by default. */
  readonly distance?: DurationInput;
}): Fault {
  const lifetimes = new Map<string, Lifetime>();
  const away = Temporal.Duration.from(distance);
  const window = ({ notBefore, notAfter }: Lifetime) =>
    side === 'before'
      ? { start: notBefore.subtract(away).subtract(away), end: notBefore.subtract(away) }
      : { start: notAfter.add(away), end: notAfter.add(away).add(away) };
  const lie = sometimes({ ...when, on: ['renewalInfo'] }, async ({ request }, next) => {
    const lifetime = lifetimes.get(new URL(request.url).pathname.split('/').at(-1) ?? '');
    return await rewritten(await next(), (info) =>
      lifetime === undefined ? info : { ...info, suggestedWindow: texts(window(lifetime)) },
    );
  });
  return async (exchange, next) => {
    if (exchange.resource !== 'certificate') return await lie(exchange, next);
    const answer = await next();
    const pem = await answer.text();
    if (answer.ok) {
      const leaf = parseCertificate(pem);
      lifetimes.set(ariCertificateId(leaf), leaf);
    }
    return new Response(pem, answer);
  };
}

interface Lifetime {
  readonly notBefore: Temporal.Instant;
  readonly notAfter: Temporal.Instant;
}

function texts({
  start,
  end,
}: {
  readonly start: Temporal.Instant;
  readonly end: Temporal.Instant;
}) {
  return { start: start.toString(), end: end.toString() };
}

/** Chains of this number of certificates: the last is repeated. */
export function hugeChains({
  certificates,
  ...when
}: When & { readonly certificates: number }): Fault {
  return chains(when, async (chain) => [
    ...chain,
    ...Array.from({ length: Math.max(0, certificates - chain.length) }, () => chain.at(-1) ?? ''),
  ]);
}

const arrangements = {
  /** The leaf is last. */
  reversed: async (chain: readonly string[]) => [...chain].reverse(),
  /** Each issuer is there twice. */
  repeated: async ([leaf = '', ...issuers]: readonly string[]) => [leaf, ...issuers, ...issuers],
  /** A certificate that belongs to no other is last. */
  stray: async (chain: readonly string[]) => [...chain, await strayCertificate()],
} as const;

export type ChainArrangement = keyof typeof arrangements;

/** Chains with the right certificates in the wrong order, or with others among them. */
export function disorderedChains({
  arrange,
  ...when
}: Omit<When, 'on'> & {
  /** Or a function of the PEM blocks, the leaf first; for example to add a root. */
  readonly arrange: ChainArrangement | ((chain: readonly string[]) => readonly string[]);
}): Fault {
  return chains(when, async (chain) =>
    typeof arrange === 'string' ? await arrangements[arrange](chain) : arrange(chain),
  );
}

function chains(
  when: When,
  change: (chain: readonly string[]) => Promise<readonly string[]>,
): Fault {
  return sometimes({ ...when, on: ['certificate'] }, async (_, next) => {
    const answer = await next();
    const pem = await answer.text();
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
    return new Response(answer.ok ? (await change(blocks)).join('') : pem, answer);
  });
}

async function strayCertificate(): Promise<string> {
  return await createSelfSigned({
    identifiers: [{ type: 'dns', value: 'stray.test' }],
    key: await webcrypto().generate('ec-p256'),
  });
}
