/** What AWS answered, as an error of its SDK has it. */
export interface AwsAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Why it refused; undefined where the answer could not be read. */
  readonly reason: { readonly awsCode: string; readonly message: string } | undefined;
}

/**
 * Reads an error of the SDK, which has what AWS answered beside it, also where that could not be
 * read.
 * @returns undefined where AWS did not answer
 */
export function awsAnswer(error: unknown): AwsAnswer | undefined {
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
    reason: $fault === undefined || name === 'Unknown' ? undefined : { awsCode: name, message },
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

/** Returns what an error code of AWS means where its status does not say it. */
export function awsTrouble(awsCode: string): 'credentials' | 'rate-limited' | undefined {
  if (refusedCredentials.includes(awsCode)) return 'credentials';
  return tooMany.includes(awsCode) ? 'rate-limited' : undefined;
}
