import { Route53Client, type Route53ClientConfig } from '@aws-sdk/client-route-53';
import { type Clock, systemClock } from '@acmex/clock';
import {
  concealed,
  DnsError,
  type HostAnswer,
  type Refusal,
  reveal,
  sdkApi,
  type SdkApi,
  type Secret,
} from '@acmex/dns';
import { assumedRole, type AwsCredentials } from './assumed-role.ts';

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

export interface Route53ApiOptions {
  /**
   * By default what AWS's tools find: in the environment, in their files, at the container or the
   * machine.
   */
  readonly credentials?: AwsAccessKey | AwsProfile;
  /** The ARN of a role that the credentials act as: `arn:aws:iam::123456789012:role/dns`. */
  readonly roleArn?: string;
  /** What the trust policy of that role asks for. */
  readonly externalId?: string;
  /**
   * Route 53 has one address for all regions but those of China and GovCloud; `us-east-1` by
   * default.
   */
  readonly region?: string;
  /** Of the SDK: how requests are sent. */
  readonly requestHandler?: Route53ClientConfig['requestHandler'];
  readonly clock?: Clock;
}

export type Send = Route53Client['send'];

/** Route 53 by AWS's SDK: its client, and how its calls are made. */
export function route53Api({
  credentials,
  roleArn,
  externalId,
  region = 'us-east-1',
  requestHandler,
  clock = systemClock,
}: Route53ApiOptions): { readonly call: SdkApi; readonly send: Send } {
  const key = credentials && 'accessKeyId' in credentials ? keyOf(credentials) : undefined;
  let ofRole: AwsCredentials | undefined;
  const connection = { region, maxAttempts: 1, ...(requestHandler ? { requestHandler } : {}) };
  const source = new Route53Client({
    ...connection,
    ...(credentials && 'profile' in credentials ? { profile: credentials.profile } : {}),
    ...(key ? { credentials: unmemoized(key.current) } : {}),
  });
  const client =
    roleArn === undefined
      ? source
      : new Route53Client({
          ...connection,
          credentials: unmemoized(async () => ofRole ?? { accessKeyId: '', secretAccessKey: '' }),
        });
  const sdk = sdkApi({
    provider: 'route53',
    toAnswer: toAnswer,
    refusal(json) {
      const refused = refusal(json);
      if (refused?.code === 'ERR_DNS_CREDENTIALS') role?.forget();
      return refused;
    },
    conceal: (text) =>
      concealed(text, [
        ...(key?.secrets() ?? []),
        ...(ofRole ? [ofRole.secretAccessKey, ofRole.sessionToken] : []),
      ]),
    clock,
  });
  const callAsSource: SdkApi = (what, once, options) =>
    sdk(
      what,
      async (signal) => {
        await key?.renew();
        return await once(signal).catch(noCredentials);
      },
      options,
    );
  const role =
    roleArn === undefined
      ? undefined
      : assumedRole({ roleArn, externalId, region, source, call: callAsSource, clock });
  const call: SdkApi = async (what, once, options) => {
    if (!role) return await callAsSource(what, once, options);
    return await role.use(options, async (credentials) => {
      ofRole = credentials;
      return await callAsSource(what, once, options);
    });
  };
  return { send: client.send.bind(client), call };
}

/** Marks credentials that the SDK would else ask for once, and keep forever, as they have no end. */
function unmemoized<T extends object>(credentials: T): T & { readonly memoized: true } {
  return Object.assign(credentials, { memoized: true as const });
}

/** An access key in clear, as it was when it was last asked for. */
function keyOf({ accessKeyId, secretAccessKey, sessionToken }: AwsAccessKey) {
  let now: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  } = { accessKeyId, secretAccessKey: '' };
  const clear = (secret: Secret, what: string) => reveal(secret, { provider: 'route53', what });
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

function noCredentials(error: unknown): never {
  if (!(error instanceof Error) || !/^(Credentials|Token)ProviderError$/.test(error.name))
    throw error;
  throw new DnsError(
    'ERR_DNS_CREDENTIALS',
    `route53: AWS finds no credentials (${error.message}): give an access key or a profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`,
    { cause: error },
  );
}

interface AwsWords {
  readonly awsCode: string;
  readonly message: string;
}

/** The SDK's errors have what AWS answered beside them, also where that could not be read. */
function toAnswer(error: unknown): HostAnswer | undefined {
  const { $metadata, $response, $fault, name, message } = error as {
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly $response?: { readonly headers?: Record<string, string> };
    readonly $fault?: string;
    readonly name: string;
    readonly message: string;
  };
  const status = $metadata?.httpStatusCode;
  if (status === undefined) return undefined;
  return {
    status,
    headers: new Headers($response?.headers),
    ...($fault === undefined || name === 'Unknown'
      ? {}
      : { json: { awsCode: name, message } satisfies AwsWords }),
  };
}

const refusedCredentials = [
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
];
/** Mostly of status 400. */
const tooMany = [
  'PriorRequestNotComplete',
  'RequestLimitExceeded',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
];

function refusal(json: unknown): Refusal | undefined {
  if (typeof json !== 'object' || json === null || !('awsCode' in json)) return undefined;
  const { awsCode, message } = json as AwsWords;
  const words = { message: `${message} (${awsCode})` };
  if (refusedCredentials.includes(awsCode)) return { ...words, code: 'ERR_DNS_CREDENTIALS' };
  if (tooMany.includes(awsCode)) return { ...words, code: 'ERR_DNS_RATE_LIMITED' };
  return awsCode === 'InvalidChangeBatch' && message.includes('is not permitted in zone')
    ? { ...words, code: 'ERR_DNS_ZONE_NOT_FOUND' }
    : words;
}
