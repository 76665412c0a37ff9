import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import { addressPolicy, type EgressFetch, egressFetch, type Resolve } from '@acmex/egress';
import { NotificationsError } from './errors.ts';

/** A credential, which is read each time when it is needed. */
export type Credential = () => Promise<string>;

/** A URL that requests go to, and how it is reached. */
export interface ReceiverOptions {
  /** Many such URLs are credentials: no error, record or answer has it. */
  readonly url: Credential;
  /** From the look-up to the answer; 30 seconds by default. */
  readonly limit?: DurationInput | undefined;
  /** Special address ranges that the receiver may have; public addresses by default. */
  readonly allow?: readonly string[] | undefined;
  /** The schemes that its URL may have; https alone by default. */
  readonly schemes?: 'https' | 'http-and-https' | undefined;
  /** Further root certificates, PEM. */
  readonly ca?: readonly string[] | undefined;
  readonly resolver?: Resolve | undefined;
  readonly clock?: Clock | undefined;
}

/** The shortest piece of a URL that can be a credential. */
const shortestPiece = 6;
/** What TLS and HTTP may hand over at once; more of an answer is not waited for. */
const largestPiece = 1024 * 1024;

/**
 * Returns a fetch for the URL of a receiver: it follows no redirect, and connects only to addresses
 * that are permitted.
 * @throws EgressError `ERR_EGRESS_POLICY` for ranges that cannot be allowed
 */
export function receiverFetch({
  schemes = 'https',
  allow = [],
  limit = 'PT30S',
  ca,
  resolver,
  clock = systemClock,
}: ReceiverOptions): EgressFetch {
  return egressFetch({
    policy: addressPolicy({ allow }),
    schemes: schemes === 'https' ? { https: 443 } : { https: 443, http: 80 },
    ports: 'any',
    maxBody: largestPiece,
    limit,
    clock,
    ...(ca ? { ca } : {}),
    ...(resolver ? { resolver } : {}),
  });
}

/** @throws NotificationsError `ERR_NOTIFICATIONS_URL`, which does not quote the URL */
export function assertReceiverUrl(
  url: string,
  schemes: NonNullable<ReceiverOptions['schemes']>,
): void {
  const { protocol, username, password } = URL.canParse(url)
    ? new URL(url)
    : { protocol: '', username: '', password: '' };
  const hasScheme = protocol === 'https:' || (protocol === 'http:' && schemes !== 'https');
  if (hasScheme && username === '' && password === '') return;
  throw new NotificationsError(
    'ERR_NOTIFICATIONS_URL',
    'the URL of the receiver does not begin with https://, or has a password in it: correct it, or set allow_http for http://',
  );
}

/** Returns what an answer must not repeat: the URL, and each piece of it that can be a credential. */
export function secretsOfUrl(url: string): readonly string[] {
  const { pathname, search, searchParams } = new URL(url);
  const pieces = [...pathname.split(/[/:]/), ...searchParams.values()];
  const long = pieces.filter(({ length }) => length >= shortestPiece);
  return [url, pathname + search, pathname, search, ...long];
}

/** Returns what is wrong with a status that redirects; undefined for any other. */
export function redirectText(host: string, status: number): string | undefined {
  return status >= 300 && status < 400
    ? `${host} redirects (${status}), which is not followed: configure the URL that it redirects to`
    : undefined;
}
