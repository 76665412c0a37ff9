import type { Clock } from '@acmex/clock';
import {
  DeployError,
  type DeployTarget,
  placePath,
  replacingTarget,
  serialNumberIn,
  targetApi,
} from '@acmex/deploy';
import { isLoopback } from '@acmex/identifier';

export interface KubernetesOptions {
  /** `https://cluster.example.com:6443`; `http://` only for this machine. */
  readonly url: string;
  /** Returns the token of a service account; called for each request. */
  readonly token: () => Promise<string>;
  readonly namespace: string;
  /** The name of the Secret; `{name}` is replaced by the name of the certificate. */
  readonly secret: string;
  /** It must trust the root certificate of the cluster. */
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** `data` of a TLS Secret: base64 of PEM. */
type SecretData = Readonly<Record<string, string>>;

/** Names of namespaces and Secrets. Kubernetes "Object Names and IDs" */
const labelPattern = /^(?=.{1,63}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const subdomainPattern = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * Deploys certificates to Secrets of the type `kubernetes.io/tls`, by server-side apply with the
 * field manager `acmex`. Labels and annotations of a Secret stay.
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
 * @throws RangeError for a namespace or a name that is not valid, or a URL that would send keys in
 * clear text
 */
export function kubernetes(options: KubernetesOptions): DeployTarget {
  const { url, token, namespace, fetch, clock } = options;
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:' && !isLoopback(hostname.replace(/^\[|\]$/g, '')))
    throw new RangeError('the private key would be sent in clear text: write a URL with https://');
  if (!labelPattern.test(namespace))
    throw new RangeError(`${JSON.stringify(namespace)} is not the name of a namespace`);
  if (!subdomainPattern.test(options.secret.replaceAll('{name}', 'a')))
    throw new RangeError(
      `${JSON.stringify(options.secret)} is not the name of a Secret: write it as {name}-tls`,
    );
  const api = targetApi({
    target: 'kubernetes',
    baseUrl: url.replace(/\/+$/, ''),
    headers: async () => ({ authorization: `Bearer ${(await token()).trim()}` }),
    ...(fetch ? { fetch } : {}),
    ...(clock ? { clock } : {}),
  });
  return replacingTarget<SecretData>('kubernetes', (bundle) => {
    const name = secretName(placePath(options.secret, bundle));
    const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
    return {
      async read({ signal }) {
        const { status, body } = await api({ method: 'GET', path, accept: [404], signal });
        return status === 404 ? undefined : placedSecret(body);
      },
      valueOf: ({ chain, privateKey }) => ({
        'tls.crt': Buffer.from(chain).toString('base64'),
        'tls.key': Buffer.from(privateKey).toString('base64'),
      }),
      async write(data, { signal }) {
        const metadata = { name, namespace };
        await api({
          method: 'PATCH',
          path: `${path}?fieldManager=acmex&force=true`,
          contentType: 'application/apply-patch+yaml',
          body: { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata, data },
          signal,
        });
      },
      async remove({ signal }) {
        await api({ method: 'DELETE', path, accept: [404], signal });
      },
    };
  });
}

/** Returns a name of a Secret: `_wildcard.a.test-tls` has a character that none can have. */
function secretName(name: string): string {
  const allowed = name.replaceAll('_', '-').replace(/^[^a-z0-9]+/, '');
  if (subdomainPattern.test(allowed)) return allowed;
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `kubernetes: ${JSON.stringify(allowed)} is not the name of a Secret: write a shorter or another one`,
  );
}

/** @throws DeployError `ERR_DEPLOY_UNREACHABLE`, `ERR_DEPLOY_REFUSED` */
function placedSecret(body: unknown) {
  if (typeof body !== 'object' || body === null || !('kind' in body) || body.kind !== 'Secret')
    throw new DeployError(
      'ERR_DEPLOY_UNREACHABLE',
      'kubernetes: the answer is not a Secret: check that url is that of the API server',
    );
  if ('type' in body && body.type !== 'kubernetes.io/tls')
    throw new DeployError(
      'ERR_DEPLOY_REFUSED',
      'kubernetes: the Secret has a different type from kubernetes.io/tls, which cannot change: delete it, or write another name',
    );
  const value = textsOf('data' in body ? body.data : undefined);
  const chain = Buffer.from(value['tls.crt'] ?? '', 'base64').toString();
  return { value, serialNumber: serialNumberIn(chain) };
}

function textsOf(data: unknown): SecretData {
  if (typeof data !== 'object' || data === null) return {};
  return Object.fromEntries(
    Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
