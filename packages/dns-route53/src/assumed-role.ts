import type { Route53Client } from '@aws-sdk/client-route-53';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Clock } from '@acmex/clock';
import { type DnsOptions, type GrantedToken, keptToken, type SdkApi } from '@acmex/dns';

/** A role of IAM that other credentials act as. */
export interface AwsRole {
  /** As `arn:aws:iam::123456789012:role/dns`. */
  readonly roleArn: string;
  /** What the trust policy of the role asks for. */
  readonly externalId?: string | undefined;
}

/** Temporary credentials in clear. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

interface AssumedRoleOptions extends AwsRole {
  readonly region: string;
  /** Has the credentials that act as the role, and the way to AWS. */
  readonly source: Route53Client;
  readonly call: SdkApi;
  readonly clock: Clock;
}

interface AssumedRole {
  /** Calls `work` with the credentials of the role, as `KeptToken` does. */
  use<Result>(
    options: DnsOptions,
    work: (credentials: AwsCredentials) => Promise<Result>,
  ): Promise<Result>;
  forget(): void;
}

/** Every role allows an hour. */
const durationSeconds = 3600;
const fields = ['AccessKeyId', 'SecretAccessKey', 'SessionToken'] as const;

/**
 * Acts as a role by AWS STS.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function assumedRole({ call, source, clock, ...role }: AssumedRoleOptions): AssumedRole {
  const ask = async (
    options: DnsOptions,
  ): Promise<GrantedToken & { readonly credentials: AwsCredentials }> => {
    const credentials = await call('AssumeRole', (signal) => assume(role, source, signal), {
      ...options,
      repeatable: true,
      answer: { accessKeyId: '', secretAccessKey: '', sessionToken: '' },
    });
    return { access_token: credentials.sessionToken, expires_in: durationSeconds, credentials };
  };
  const { use, forget } = keptToken(ask, { early: 300, clock });
  return {
    forget,
    use: async (options, work) => await use(options, ({ credentials }) => work(credentials)),
  };
}

/** Asks STS once. @throws Error as the SDK does, with the answer beside it */
async function assume(
  { roleArn, externalId, region }: AwsRole & { readonly region: string },
  { config }: Route53Client,
  abortSignal: AbortSignal,
): Promise<Partial<AwsCredentials>> {
  const { credentials, sha256, requestHandler } = config;
  const hostname = `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  const form = new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: 'acmex',
    DurationSeconds: String(durationSeconds),
    ...(externalId === undefined ? {} : { ExternalId: externalId }),
  });
  const request = await new SignatureV4({ service: 'sts', region, credentials, sha256 }).sign({
    protocol: 'https:',
    hostname,
    path: '/',
    method: 'POST',
    headers: { host: hostname, 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
  const { response } = await requestHandler.handle(
    request as Parameters<typeof requestHandler.handle>[0],
    { abortSignal },
  );
  const xml = await textOf(response.body);
  if (response.statusCode !== 200)
    throw Object.assign(new Error(element(xml, 'Message') ?? 'no message'), {
      name: element(xml, 'Code') ?? 'Unknown',
      $fault: 'client',
      $metadata: { httpStatusCode: response.statusCode },
      $response: { headers: response.headers },
    });
  const [accessKeyId, secretAccessKey, sessionToken] = fields.map((name) => element(xml, name));
  return {
    ...(accessKeyId === undefined ? {} : { accessKeyId }),
    ...(secretAccessKey === undefined ? {} : { secretAccessKey }),
    ...(sessionToken === undefined ? {} : { sessionToken }),
  };
}

/** Returns the text of an element whose name is there once. */
function element(xml: string, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml) ?? [];
  return text?.trim();
}

async function textOf(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
  if (body instanceof Uint8Array) return Buffer.from(body).toString();
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
