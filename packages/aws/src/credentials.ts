import { DnsError, reveal, type Secret } from '@acmex/dns';

/** An access key of IAM or STS. */
export interface AwsAccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  /** Of temporary credentials. */
  readonly sessionToken?: Secret;
}

/** A profile of the files that AWS's tools share: `~/.aws/config` and `~/.aws/credentials`. */
export interface AwsProfile {
  readonly profile: string;
}

/** An access key in clear. */
interface ClearKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** How a client of AWS's SDK gets its credentials. */
export interface AwsConnection {
  /** For the client: its credentials, or where it finds them. */
  readonly client:
    | { readonly credentials: (() => Promise<ClearKey>) & { readonly memoized: true } }
    | { readonly profile: string }
    | Readonly<Record<never, never>>;
  /**
   * Makes one attempt of a call, with the present access key.
   * @throws DnsError `ERR_DNS_CREDENTIALS` where there are no credentials, or none that can be read
   */
  attempt<T>(call: () => Promise<T>): Promise<T>;
  /** What no message may repeat. */
  secrets(): readonly string[];
}

/**
 * Returns how a client gets its credentials: an access key is read for each attempt; without one,
 * the client finds what AWS's tools find.
 * @param provider as messages name it
 */
export function awsConnection(
  credentials: AwsAccessKey | AwsProfile | undefined,
  { provider }: { readonly provider: string },
): AwsConnection {
  const key =
    credentials && 'accessKeyId' in credentials ? keyOf(credentials, provider) : undefined;
  return {
    client: {
      ...(credentials && 'profile' in credentials ? { profile: credentials.profile } : {}),
      ...(key ? { credentials: unmemoized(key.current) } : {}),
    },
    async attempt(call) {
      await key?.renew();
      return await call().catch((error: unknown) => noCredentials(error, provider));
    },
    secrets: () => key?.secrets() ?? [],
  };
}

/** Marks credentials that the SDK would else ask for once, and keep forever, as they have no end. */
export function unmemoized<T extends object>(credentials: T): T & { readonly memoized: true } {
  return Object.assign(credentials, { memoized: true as const });
}

/** An access key in clear, as it was when it was last asked for. */
function keyOf({ accessKeyId, secretAccessKey, sessionToken }: AwsAccessKey, provider: string) {
  let now: ClearKey = { accessKeyId, secretAccessKey: '' };
  const clear = (secret: Secret, what: string) => reveal(secret, { provider, what });
  return {
    current: async () => now,
    secrets: () => [now.secretAccessKey, now.sessionToken ?? ''],
    renew: async () => {
      now = {
        accessKeyId,
        secretAccessKey: await clear(secretAccessKey, 'the secret access key'),
        ...(sessionToken === undefined
          ? {}
          : { sessionToken: await clear(sessionToken, 'the session token') }),
      };
    },
  };
}

function noCredentials(error: unknown, provider: string): never {
  if (!(error instanceof Error) || !/^(Credentials|Token)ProviderError$/.test(error.name))
    throw error;
  throw new DnsError(
    'ERR_DNS_CREDENTIALS',
    `${provider}: AWS finds no credentials (${error.message}): give an access key or a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
    { cause: error },
  );
}
