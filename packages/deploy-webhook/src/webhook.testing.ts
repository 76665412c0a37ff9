import type { InUse, StandInTargetSubject, TargetTrouble } from '@acmex/deploy/contract';
import { standIn } from '@acmex/dns/stand-in';

/** A receiver in memory that uses what it is sent. */
export function receiverStandIn(token: string): Pick<StandInTargetSubject, 'inUse' | 'trouble'> & {
  readonly url: string;
  readonly fetch: typeof fetch;
} {
  let inUse: InUse | undefined;
  let trouble: TargetTrouble | undefined;
  const baseUrl = 'https://receiver.invalid';
  const host = standIn({
    baseUrl,
    authorized: ({ headers }) => headers.get('authorization') === `Bearer ${token}`,
    words: {
      credentials: { status: 401 },
      'rate-limited': { status: 429 },
      unknown: { status: 404 },
      malformed: { status: 400 },
      'server-error': { status: 500, text: 'internal error' },
    },
    routes: {
      'POST /certificates': ({ body, text, headers }) => {
        const { action, fullchain, private_key: privateKey } = body as Record<string, string>;
        if (trouble === 'refusal')
          return { status: 422, text: [text, privateKey, ...headers.values()].join(' ') };
        const isKnown = action === 'deploy' || action === 'restore';
        if (!isKnown || fullchain === undefined) return { status: 400 };
        inUse = { chain: fullchain, privateKey };
        return { status: 204 };
      },
    },
  });
  return {
    url: `${baseUrl}/certificates`,
    fetch: host.fetch,
    inUse: async () => inUse,
    trouble(kind, options) {
      trouble = kind;
      host.trouble(kind === 'refusal' ? undefined : kind, options);
    },
  };
}
