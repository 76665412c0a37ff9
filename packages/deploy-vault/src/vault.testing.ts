import type { StandInTargetSubject, TargetTrouble } from '@acmex/deploy/contract';
import { type StandInAnswer, standIn } from '@acmex/dns/stand-in';

interface Version {
  readonly data: Readonly<Record<string, string>>;
  readonly isDeleted: boolean;
}

/** The KV secrets engine as its reference describes it, mounted at `secret`, with `cas_required`. */
export function vaultStandIn(token: string): Pick<StandInTargetSubject, 'inUse' | 'trouble'> & {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly requests: readonly string[];
  /** The versions of the secret `tls/a.test`. */
  readonly versions: Version[];
} {
  const versions: Version[] = [];
  let trouble: TargetTrouble | undefined;
  const errors = (status: number, ...texts: readonly string[]): StandInAnswer => ({
    status,
    body: { errors: texts },
  });
  const url = 'https://vault.invalid:8200';
  const host = standIn({
    baseUrl: url,
    authorized: ({ headers }) => headers.get('x-vault-token') === token,
    words: {
      credentials: errors(403, 'permission denied'),
      'rate-limited': errors(429, 'request path "secret/": rate limit quota exceeded'),
      unknown: errors(404),
      malformed: errors(400, 'error parsing JSON'),
      'server-error': errors(500, 'internal error'),
    },
    routes: {
      'GET /v1/secret/data/tls/a.test': () => {
        const last = versions.at(-1);
        if (!last) return errors(404);
        const metadata = { version: versions.length, destroyed: false };
        return last.isDeleted
          ? { status: 404, body: { data: { data: null, metadata } } }
          : { status: 200, body: { data: { data: last.data, metadata } } };
      },
      'POST /v1/secret/data/tls/a.test': ({ body, text, headers }) => {
        if (trouble === 'refusal') return errors(400, text, ...headers.values());
        const { data, options } = body as {
          data?: Record<string, string>;
          options?: { cas?: number };
        };
        if (data === undefined) return errors(400, 'no data provided');
        if (options?.cas !== versions.length)
          return errors(400, 'check-and-set parameter did not match the current version');
        versions.push({ data, isDeleted: false });
        return { status: 200, body: { data: { version: versions.length } } };
      },
      'DELETE /v1/secret/data/tls/a.test': () => {
        const last = versions.pop();
        if (last) versions.push({ ...last, isDeleted: true });
        return { status: 204 };
      },
    },
  });
  return {
    url,
    fetch: host.fetch,
    requests: host.requests,
    versions,
    async inUse() {
      const last = versions.at(-1);
      if (!last || last.isDeleted) return undefined;
      return { chain: last.data['fullchain'] ?? '', privateKey: last.data['private_key'] };
    },
    trouble(kind, options) {
      trouble = kind;
      host.trouble(kind === 'refusal' ? undefined : kind, options);
    },
  };
}
