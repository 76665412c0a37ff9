import { Route53Client, type Route53ClientConfig } from '@aws-sdk/client-route-53';
import { type Clock, systemClock } from '@acmex/clock';
import {
  type AwsAccessKey,
  type AwsAnswer,
  awsAnswer,
  awsConnection,
  type AwsProfile,
  awsTrouble,
  unmemoized,
} from '@acmex/aws';
import { concealed, type HostAnswer, type Refusal, sdkApi, type SdkApi } from '@acmex/dns';
import { assumedRole, type AwsCredentials } from './assumed-role.ts';

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
  const access = awsConnection(credentials, { provider: 'route53' });
  let ofRole: AwsCredentials | undefined;
  const connection = { region, maxAttempts: 1, ...(requestHandler ? { requestHandler } : {}) };
  const source = new Route53Client({
    ...connection,
    ...access.client,
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
    toAnswer,
    refusal(json) {
      const refused = refusal(json);
      if (refused?.code === 'ERR_DNS_CREDENTIALS') role?.forget();
      return refused;
    },
    conceal: (text) =>
      concealed(text, [
        ...access.secrets(),
        ...(ofRole ? [ofRole.secretAccessKey, ofRole.sessionToken] : []),
      ]),
    clock,
  });
  const callAsSource: SdkApi = (what, once, options) =>
    sdk(what, async (signal) => await access.attempt(async () => await once(signal)), options);
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

function toAnswer(error: unknown): HostAnswer | undefined {
  const answer = awsAnswer(error);
  return answer && { ...answer, json: answer.reason };
}

function refusal(json: unknown): Refusal | undefined {
  if (typeof json !== 'object' || json === null || !('awsCode' in json)) return undefined;
  const { awsCode, message } = json as NonNullable<AwsAnswer['reason']>;
  const words = { message: `${message} (${awsCode})` };
  const trouble = awsTrouble(awsCode);
  if (trouble === 'credentials') return { ...words, code: 'ERR_DNS_CREDENTIALS' };
  if (trouble === 'rate-limited') return { ...words, code: 'ERR_DNS_RATE_LIMITED' };
  return awsCode === 'InvalidChangeBatch' && message.includes('is not permitted in zone')
    ? { ...words, code: 'ERR_DNS_ZONE_NOT_FOUND' }
    : words;
}
