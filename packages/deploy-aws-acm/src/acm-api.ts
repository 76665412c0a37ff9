import {
  ACMClient,
  type ACMClientConfig,
  type CertificateDetail,
  type CertificateSummary,
  DeleteCertificateCommand,
  DescribeCertificateCommand,
  ImportCertificateCommand,
  type ImportCertificateCommandInput,
  KeyAlgorithm,
  ListCertificatesCommand,
} from '@aws-sdk/client-acm';
import { awsAnswer, type AwsConnection, awsTrouble } from '@acmex/aws';
import type { Clock } from '@acmex/clock';
import {
  DeployError,
  type DeployErrorCode,
  type SdkCall,
  type TargetCallOptions,
  type TargetRefusal,
  targetSdk,
} from '@acmex/deploy';

export interface AcmApiOptions {
  readonly region: string;
  readonly access: AwsConnection;
  /** Of the SDK: how requests are sent. */
  readonly requestHandler?: ACMClientConfig['requestHandler'];
  readonly clock?: Clock | undefined;
}

/** ACM by AWS's SDK, with the time limits and the errors of deploy targets. */
export interface AcmApi {
  /** Returns a certificate; undefined where there is none with this ARN. */
  describe(arn: string, options: TargetCallOptions): Promise<CertificateDetail | undefined>;
  /** Returns the imported certificates with keys of any type. */
  list(options: TargetCallOptions): Promise<readonly CertificateSummary[]>;
  /** Returns the ARN. */
  import(input: ImportCertificateCommandInput, options: TargetCallOptions): Promise<string>;
  /** A certificate that is gone already is a success. */
  delete(arn: string, options: TargetCallOptions): Promise<void>;
}

type Call = <T>(call: SdkCall<T>) => Promise<T | undefined>;

export function acmApi({ region, access, requestHandler, clock }: AcmApiOptions): AcmApi {
  const client = new ACMClient({
    region,
    maxAttempts: 1,
    ...(requestHandler ? { requestHandler } : {}),
    ...access.client,
  });
  const sdk = targetSdk({
    target: 'aws-acm',
    host: `acm.${region}.amazonaws.com`,
    toRefusal,
    ...(clock ? { clock } : {}),
  });
  const call: Call = async ({ call: once, ...options }) =>
    await sdk({
      ...options,
      credentials: access.secrets,
      call: async (signal) => await access.attempt(async () => await once(signal)),
    });
  return {
    async describe(arn, options) {
      const command = new DescribeCertificateCommand({ CertificateArn: arn });
      const answer = await call({
        ...options,
        accept: isNotFound,
        call: async (abortSignal) =>
          expected(await client.send(command, { abortSignal }), 'Certificate'),
      });
      return answer?.Certificate;
    },
    list: async (options) => await listed(call, client, options),
    async import(input, options) {
      const answer = await call({
        ...options,
        body: [input.PrivateKey].map((key) => Buffer.from(key ?? '').toString()),
        call: async (abortSignal) =>
          expected(
            await client.send(new ImportCertificateCommand(input), { abortSignal }),
            'CertificateArn',
          ),
      });
      return answer?.CertificateArn ?? '';
    },
    async delete(arn, options) {
      const command = new DeleteCertificateCommand({ CertificateArn: arn });
      await call({
        ...options,
        accept: isNotFound,
        call: async (abortSignal) => await client.send(command, { abortSignal }),
      });
    },
  };
}

/** Returns the imported certificates, over all pages. */
async function listed(
  call: Call,
  client: ACMClient,
  options: TargetCallOptions,
): Promise<readonly CertificateSummary[]> {
  const all: CertificateSummary[] = [];
  let token: string | undefined;
  do {
    const command = new ListCertificatesCommand({
      Includes: { keyTypes: Object.values(KeyAlgorithm) },
      ...(token === undefined ? {} : { NextToken: token }),
    });
    const answer = await call({
      ...options,
      call: async (abortSignal) =>
        expected(await client.send(command, { abortSignal }), 'CertificateSummaryList'),
    });
    all.push(...(answer?.CertificateSummaryList ?? []));
    token = answer?.NextToken;
  } while (token !== undefined);
  return all.filter(({ Type }) => Type === 'IMPORTED');
}

/** Returns an answer. @throws DeployError where it lacks the member that it is about */
function expected<T extends object>(answer: T, member: keyof T & string): T {
  if (answer[member] !== undefined) return answer;
  throw new DeployError(
    'ERR_DEPLOY_UNREACHABLE',
    `aws-acm: ACM answered without ${member}: check whether a proxy answers in its place`,
  );
}

function isNotFound({ text }: TargetRefusal): boolean {
  return text.endsWith('(ResourceNotFoundException)');
}

/** ACM answers nearly everything with the status 400. */
function toRefusal(error: unknown): TargetRefusal | undefined {
  const answer = awsAnswer(error);
  if (!answer) return undefined;
  const { status, reason } = answer;
  if (!reason) return { status, text: '' };
  const { awsCode, message } = reason;
  return { status, text: `${message} (${awsCode})`, code: codeOf(awsCode) };
}

function codeOf(awsCode: string): DeployErrorCode | undefined {
  const trouble = awsTrouble(awsCode);
  if (trouble === 'credentials' || awsCode === 'AccessDeniedException')
    return 'ERR_DEPLOY_CREDENTIALS';
  return trouble === 'rate-limited' ? 'ERR_DEPLOY_UNREACHABLE' : undefined;
}
