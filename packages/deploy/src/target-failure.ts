import {
  errorCode,
  errorText,
  printable,
  unreadableText,
  withoutPrivateKeys,
  withoutSecrets,
} from '@acmex/errors';
import { DeployError, type DeployErrorCode } from './errors.ts';

/** What a place answered instead of a success. */
export interface TargetRefusal {
  readonly status: number;
  /** In its own words; empty where it has none. */
  readonly text: string;
  /** By the status, if the place has no word of its own for it. */
  readonly code?: DeployErrorCode | undefined;
}

/** Makes the errors of one target. None has a cause, which may have the URL and the headers. */
export interface TargetFailures {
  refused(refusal: TargetRefusal, secrets: readonly string[]): DeployError;
  unreachable(error: unknown, secrets: readonly string[]): DeployError;
  /** For an answer that is not what the place documents. */
  unexpected(): DeployError;
}

/** At most this much of an answer is read, in UTF-16 code units. */
const longestAnswer = 1024 * 1024;

/**
 * @param target as messages name it: `vault`
 * @param host that answers
 */
export function targetFailures(target: string, host: string): TargetFailures {
  const failure = (code: DeployErrorCode, problem: string) =>
    new DeployError(code, `${target}: ${host} ${problem}`);
  return {
    refused: ({ status, text, code = codeOf(status) }, secrets) =>
      failure(code, `answered ${status}${quotedAnswer(text, secrets)}`),
    unreachable(error, secrets) {
      const reason = withoutSecrets(reasonOf(error), secrets);
      return failure('ERR_DEPLOY_UNREACHABLE', `cannot be reached (${printable(reason, 300)})`);
    },
    unexpected: () =>
      failure(
        'ERR_DEPLOY_UNREACHABLE',
        'answered something that is not JSON: check its URL, and whether a proxy answers in its place',
      ),
  };
}

/**
 * Throws a failure that says by itself what is wrong: a DeployError, or that of a credential which
 * @acmex/dns reads or gets.
 */
export function throwCredentialFailure(error: unknown): void {
  if (!(error instanceof Error)) return;
  if (error.name === 'DeployError') throw error;
  if (error.name !== 'DnsError') return;
  const isRefused = errorCode(error) === 'ERR_DNS_CREDENTIALS';
  throw new DeployError(
    isRefused ? 'ERR_DEPLOY_CREDENTIALS' : 'ERR_DEPLOY_UNREACHABLE',
    errorText(error),
  );
}

/**
 * Reads a credential of a target by a function of its owner, whose error may have the credential in
 * its message.
 * @param what in words, as `the token`
 * @throws DeployError `ERR_DEPLOY_CREDENTIALS` where it cannot be read
 */
export async function readCredential<T>(
  target: string,
  what: string,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throwCredentialFailure(error);
    throw new DeployError(
      'ERR_DEPLOY_CREDENTIALS',
      `${target}: ${what} cannot be read (${unreadableText(error)}): check where it is stored, and who may read it`,
    );
  }
}

function codeOf(status: number): DeployErrorCode {
  if (status === 401 || status === 403) return 'ERR_DEPLOY_CREDENTIALS';
  const isRefusal = status >= 400 && status < 500 && status !== 408 && status !== 429;
  return isRefusal ? 'ERR_DEPLOY_REFUSED' : 'ERR_DEPLOY_UNREACHABLE';
}

/** Returns why a request failed: the reason is in the deepest cause. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.cause !== undefined) return reasonOf(error.cause);
  return errorCode(error) ?? errorText(error);
}

function quotedAnswer(text: string, secrets: readonly string[]): string {
  if (text === '') return '';
  const cut = text.length > longestAnswer ? `${text.slice(0, longestAnswer)}…` : text;
  return `: ${printable(withoutPrivateKeys(withoutSecrets(cut, secrets)), 300)}`;
}

/** The shortest text of a request that an answer must not repeat. */
const shortestHidden = 8;

/**
 * Returns the texts of a request that no message may repeat, in the forms of JSON and of headers. An
 * answer may escape a private key any number of times, but it changes none of its lines.
 */
export function secretsOf(
  headers: Readonly<Record<string, string>>,
  body: unknown,
): readonly string[] {
  const texts = [
    ...Object.values(headers).flatMap((value) => [value, ...value.split(' ')]),
    ...textsIn(body).flatMap((text) => [text, ...text.split('\n').filter(isContent)]),
  ].filter((text) => text.length >= shortestHidden);
  return [...texts, ...texts.map((text) => JSON.stringify(text).slice(1, -1))];
}

/** RFC 7468 §2 */
function isContent(line: string): boolean {
  return !line.startsWith('-----');
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
