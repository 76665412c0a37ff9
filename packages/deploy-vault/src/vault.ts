import type { Clock } from '@acmex/clock';
import {
  type CompleteBundle,
  DeployError,
  type DeployTarget,
  filesOf,
  placePath,
  replacingTarget,
  serialNumberIn,
  type TargetApi,
  targetApi,
  type TargetCallOptions,
} from '@acmex/deploy';
import { isLoopback } from '@acmex/identifier';

export interface VaultOptions {
  /** `https://vault.example.com:8200`; `http://` only for this machine. */
  readonly url: string;
  /** Returns a token that may write the secret; called for each request. */
  readonly token: () => Promise<string>;
  /**
   * The path of the secret, without the mount; `{name}` is replaced by the name of the certificate.
   */
  readonly path: string;
  /** `secret` by default. */
  readonly mount?: string | undefined;
  readonly namespace?: string | undefined;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

type Fields = Readonly<Record<string, unknown>>;

/** A secret as the engine has it. */
interface StoredSecret {
  /** Undefined for a secret that does not exist, or whose newest version is deleted. */
  readonly fields: Fields | undefined;
  /** Of the newest version, also of a deleted one; 0 for a secret that never was. */
  readonly version: number;
}

/**
 * Deploys certificates to the KV secrets engine, version 2, of Vault and OpenBao. Each write names
 * the version that it replaces, so that it fails where another program has written in between.
 * @see https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
 * @throws RangeError for a path with an empty part, or a URL that would send keys in clear text
 */
export function vault(options: VaultOptions): DeployTarget {
  const { url, token, namespace, mount = 'secret', fetch, clock } = options;
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:' && !isLoopback(hostname.replace(/^\[|\]$/g, '')))
    throw new RangeError('the private key would be sent in clear text: write a URL with https://');
  const mountPath = encodedPath(mount);
  encodedPath(options.path);
  const api = targetApi({
    target: 'vault',
    baseUrl: url.replace(/\/+$/, ''),
    headers: async () => ({
      'x-vault-token': (await token()).trim(),
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
    }),
    ...(fetch ? { fetch } : {}),
    ...(clock ? { clock } : {}),
  });
  return replacingTarget<Fields>('vault', (bundle) => {
    const path = `/v1/${mountPath}/data/${encodedPath(placePath(options.path, bundle))}`;
    return {
      async read(call) {
        const { fields } = await readSecret(api, path, call);
        if (!fields) return undefined;
        const { fullchain } = fields;
        return {
          value: fields,
          serialNumber: typeof fullchain === 'string' ? serialNumberIn(fullchain) : undefined,
        };
      },
      valueOf: fieldsOf,
      async write(data, call) {
        const { version } = await readSecret(api, path, call);
        await api({ method: 'POST', path, body: { data, options: { cas: version } }, ...call });
      },
      async remove({ signal }) {
        await api({ method: 'DELETE', path, accept: [404], signal });
      },
    };
  });
}

/** Those of a second key have the same names after `second_`. */
function fieldsOf({ second, ...first }: CompleteBundle): Fields {
  if (!second) return fieldsOfKey(first);
  const fields = Object.entries(fieldsOfKey(second)).map(([name, value]) => [
    `second_${name}`,
    value,
  ]);
  return { ...fieldsOfKey(first), ...Object.fromEntries(fields) };
}

function fieldsOfKey(
  bundle: Pick<CompleteBundle, 'chain' | 'privateKey' | 'serialNumber'>,
): Fields {
  const { fullchain, certificate, chain } = filesOf(bundle);
  return {
    fullchain,
    private_key: bundle.privateKey,
    certificate,
    chain,
    serial_number: bundle.serialNumber,
  };
}

/** @throws DeployError `ERR_DEPLOY_UNREACHABLE` for an answer that is not that of the engine */
async function readSecret(
  api: TargetApi,
  path: string,
  { signal }: TargetCallOptions,
): Promise<StoredSecret> {
  const { status, body } = await api({ method: 'GET', path, accept: [404], signal });
  const data = memberOf(body, 'data');
  const version = memberOf(memberOf(data, 'metadata'), 'version');
  const fields = memberOf(data, 'data');
  // 404 with metadata: the newest version is deleted.
  if (status === 404)
    return { fields: undefined, version: typeof version === 'number' ? version : 0 };
  if (typeof version === 'number' && isObject(fields)) return { fields, version };
  throw new DeployError(
    'ERR_DEPLOY_UNREACHABLE',
    'vault: the answer is not that of a KV secrets engine of version 2: check mount, and enable version 2 there',
  );
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

function encodedPath(path: string): string {
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    throw new RangeError(
      `${JSON.stringify(path)} is not a path: write it as tls/{name}, without a / at its ends`,
    );
  return segments.map(encodeURIComponent).join('/');
}
