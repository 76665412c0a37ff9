import { systemClock, withTimeLimit } from '@acmex/clock';
import {
  DnsError,
  type DnsOptions,
  type GrantedToken,
  jsonApi,
  keptToken,
  reveal,
  type Secret,
} from '@acmex/dns';
import type { AlibabaOptions } from './options.ts';

/** What a request is signed with. */
export interface SigningKey {
  readonly id: string;
  readonly secret: string;
  /** Of temporary credentials. */
  readonly token?: string;
}

/** Where signing keys come from. */
export interface SigningKeys {
  /** See `KeptToken`. */
  use<Result>(options: DnsOptions, work: (key: SigningKey) => Promise<Result>): Promise<Result>;
  /** Alibaba Cloud does not take the last one any longer. */
  forget(): void;
}

const provider = 'alibaba';
const metadata = 'http://100.100.100.200/latest';
/** The metadata service answers at once, or not at all. */
const limit = 'PT5S';

/**
 * Returns the keys of an access key, or of a RAM role.
 * @throws RangeError unless there is exactly one of the two
 */
export function signingKeys({
  accessKeyId,
  accessKeySecret,
  securityToken,
  ramRole,
  ...transport
}: AlibabaOptions): SigningKeys {
  const hasKey = accessKeyId !== undefined && accessKeySecret !== undefined;
  if (hasKey === (ramRole !== undefined))
    throw new RangeError('alibaba needs either an access key with its secret or a RAM role');
  if (ramRole !== undefined) return roleKeys(ramRole, transport);
  const clear = (secret: Secret | undefined, what: string) =>
    reveal(secret ?? '', { provider, what });
  return {
    use: async (_, work) =>
      await work({
        id: await clear(accessKeyId, 'the AccessKey ID'),
        secret: await clear(accessKeySecret, 'the AccessKey secret'),
        ...(securityToken === undefined
          ? {}
          : { token: await clear(securityToken, 'the security token') }),
      }),
    forget: () => undefined,
  };
}

interface RoleCredentials {
  readonly AccessKeyId: string;
  readonly AccessKeySecret: string;
  readonly SecurityToken: string;
  readonly Expiration: string;
}

const example: RoleCredentials = {
  AccessKeyId: '',
  AccessKeySecret: '',
  SecurityToken: '',
  Expiration: '',
};

type Transport = Pick<AlibabaOptions, 'fetch' | 'clock'>;

/**
 * Returns the keys of the RAM role of this machine, each kept until five minutes before its end.
 *
 * @see https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
 */
function roleKeys(role: string, transport: Transport): SigningKeys {
  const { clock = systemClock } = transport;
  const ask = async (options: DnsOptions): Promise<GrantedToken & { readonly key: SigningKey }> => {
    const { AccessKeyId, AccessKeySecret, SecurityToken, Expiration } = await credentialsOf(
      role,
      transport,
      options,
    );
    const seconds = (Date.parse(Expiration) - clock.now().epochMilliseconds) / 1000;
    return {
      access_token: SecurityToken,
      expires_in: Number.isFinite(seconds) ? seconds : 0,
      key: { id: AccessKeyId, secret: AccessKeySecret, token: SecurityToken },
    };
  };
  const { use, forget } = keptToken(ask, { early: 300, clock });
  return { forget, use: async (options, work) => await use(options, ({ key }) => work(key)) };
}

async function credentialsOf(
  role: string,
  transport: Transport,
  options: DnsOptions,
): Promise<RoleCredentials> {
  try {
    const token = await metadataToken(transport, options);
    const api = jsonApi({
      provider,
      baseUrl: `${metadata}/meta-data/ram/security-credentials`,
      headers: token === undefined ? {} : { 'x-aliyun-ecs-metadata-token': token },
      limit,
      ...transport,
    });
    const path = `/${encodeURIComponent(role)}`;
    return await api('GET', path, { ...options, zone: role, answer: example });
  } catch (cause) {
    options.signal?.throwIfAborted();
    const isAbsent = cause instanceof DnsError && cause.code === 'ERR_DNS_ZONE_NOT_FOUND';
    throw new DnsError(
      'ERR_DNS_CREDENTIALS',
      isAbsent
        ? `alibaba: this machine does not have the RAM role ${role}: check its name, and attach it to the ECS instance`
        : `alibaba: the metadata service of ECS gives no credentials for the RAM role ${role}: a role works only on a machine in Alibaba Cloud; elsewhere use accessKeyId and accessKeySecret`,
      { cause },
    );
  }
}

/** Returns the token that the metadata service wants; `undefined` where it knows no tokens. */
async function metadataToken(
  { fetch: send = fetch, clock = systemClock }: Transport,
  { signal }: DnsOptions,
): Promise<string | undefined> {
  return await withTimeLimit({ clock, limit, signal }, async (limited) => {
    const answer = await send(`${metadata}/api/token`, {
      method: 'PUT',
      headers: { 'x-aliyun-ecs-metadata-token-ttl-seconds': '60' },
      redirect: 'manual',
      signal: limited,
    });
    return answer.ok ? (await answer.text()).trim() : undefined;
  });
}
