import type { StandInTargetSubject, TargetTrouble } from '@acmex/deploy/contract';
import { type StandInAnswer, standIn } from '@acmex/dns/stand-in';

interface Secret {
  readonly apiVersion: string;
  readonly kind: string;
  readonly type: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly data: Readonly<Record<string, string>>;
}

/** The API server as its reference describes it, for Secrets of the namespace `web`. */
export function clusterStandIn(token: string): Pick<StandInTargetSubject, 'inUse' | 'trouble'> & {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly secrets: Map<string, Secret>;
} {
  const secrets = new Map<string, Secret>();
  let trouble: TargetTrouble | undefined;
  const failure = (code: number, reason: string, message = reason): StandInAnswer => ({
    status: code,
    body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code },
  });
  const url = 'https://cluster.invalid:6443';
  const path = '/api/v1/namespaces/web/secrets/:name';
  const host = standIn({
    baseUrl: url,
    authorized: ({ headers }) => headers.get('authorization') === `Bearer ${token}`,
    words: {
      credentials: failure(401, 'Unauthorized'),
      'rate-limited': failure(429, 'TooManyRequests'),
      unknown: failure(404, 'NotFound'),
      malformed: failure(400, 'BadRequest'),
      'server-error': failure(500, 'InternalError'),
    },
    routes: {
      [`GET ${path}`]: ({ params }) => {
        const secret = secrets.get(params['name'] ?? '');
        return secret ? { status: 200, body: secret } : failure(404, 'NotFound');
      },
      [`PATCH ${path}`]: ({ params, url: { searchParams }, headers, text }) => {
        if (trouble === 'refusal')
          return failure(422, 'Invalid', [text, ...headers.values()].join());
        if (headers.get('content-type') !== 'application/apply-patch+yaml')
          return failure(415, 'UnsupportedMediaType');
        if (searchParams.get('fieldManager') === null) return failure(422, 'Invalid');
        const name = params['name'] ?? '';
        const secret = JSON.parse(text) as Secret;
        const before = secrets.get(name);
        const { metadata, data } = secret;
        const isComplete = ['tls.crt', 'tls.key'].every((key) => data[key] !== undefined);
        if (metadata['name'] !== name || metadata['namespace'] !== 'web')
          return failure(400, 'BadRequest');
        if (!isComplete || (before && before.type !== secret.type)) return failure(422, 'Invalid');
        if (!Object.values(data).every((value) => /^[\w+/]*={0,2}$/.test(value)))
          return failure(400, 'BadRequest', 'illegal base64 data');
        secrets.set(name, { ...secret, metadata: { ...before?.metadata, ...metadata } });
        return { status: before ? 200 : 201, body: secret };
      },
      [`DELETE ${path}`]: ({ params }) =>
        secrets.delete(params['name'] ?? '')
          ? { status: 200, body: { kind: 'Status', status: 'Success' } }
          : failure(404, 'NotFound'),
    },
  });
  const decoded = (text = '') => Buffer.from(text, 'base64').toString();
  return {
    url,
    fetch: host.fetch,
    secrets,
    async inUse() {
      const data = secrets.get('a.test-tls')?.data;
      return data && { chain: decoded(data['tls.crt']), privateKey: decoded(data['tls.key']) };
    },
    trouble(kind, options) {
      trouble = kind;
      host.trouble(kind === 'refusal' ? undefined : kind, options);
    },
  };
}
