import type { InstantInput } from '@acmex/clock';
import { base64url } from 'jose';
import { Temporal } from 'temporal-polyfill';
import type { AcmeResponse } from './http.ts';
import type { Identifier } from '@acmex/identifier';
import { readIdentifier } from './identifier.ts';
import { location } from './links.ts';
import { isWebUrl, type Members, readMembers } from './members.ts';
import { readProblem } from './problem.ts';
import { retryAfter } from './retry-after.ts';
import { AcmeError, type Problem } from './errors.ts';
import type { CallOptions } from './call-options.ts';
import type { AcmeSession } from './session.ts';

interface OrderMembers {
  readonly url: string;
  readonly identifiers: readonly Identifier[];
  /** URLs, one for each name that needs one; a wildcard and its base name have two. */
  readonly authorizations: readonly string[];
  /** Where to send the CSR. */
  readonly finalize: string;
  /** RFC 3339, as the CA sent it. */
  readonly expires?: string | undefined;
  /** When the CA wants to be asked again, by the answer that this came with; RFC 3339. */
  readonly retryAfter?: string | undefined;
}

type OrderState =
  | { readonly status: 'pending' }
  | { readonly status: 'ready' }
  | { readonly status: 'processing' }
  | { readonly status: 'valid'; readonly certificate: string }
  | { readonly status: 'invalid'; readonly error?: Problem | undefined };

/**
 * A request for a certificate, and how far it has come. RFC 8555 §7.1.3. `certificate` exists only
 * when valid, `error` only when invalid.
 */
export type Order<S extends OrderState['status'] = OrderState['status']> = OrderMembers &
  Extract<OrderState, { status: S }>;

export interface NewOrder {
  readonly identifiers: readonly OrderedIdentifier[];
  /** One of the profiles in the directory's `meta`. */
  readonly profile?: string | undefined;
  /** The certificate that this one follows: its id for renewal information. RFC 9773 §5 */
  readonly replaces?: string | undefined;
  /** Wished validity; many CAs refuse an order that has a wish. */
  readonly notBefore?: InstantInput | undefined;
  readonly notAfter?: InstantInput | undefined;
}

export interface OrderedIdentifier extends Identifier {
  /** A domain above the name whose authorization shall serve for it. RFC 9444 §4.3 */
  readonly ancestorDomain?: string;
}

/**
 * Asks for a certificate. RFC 8555 §7.4. Not repeated when its answer was lost: there would be two.
 * A CA may answer with an order that is `ready` at once, or with an earlier one for the same names.
 */
export async function newOrder(
  session: AcmeSession,
  { notBefore, notAfter, ...order }: NewOrder,
  options?: CallOptions,
): Promise<Order> {
  const { newOrder: url } = await session.directory(options);
  const moment = (text: InstantInput | undefined) =>
    text === undefined ? undefined : Temporal.Instant.from(text).toString();
  const answer = await session.post(
    url,
    { ...order, notBefore: moment(notBefore), notAfter: moment(notAfter) },
    { ...options, operation: 'newOrder' },
  );
  return readOrder(session, location('the order', answer), answer);
}

export async function getOrder(
  session: AcmeSession,
  url: string,
  options?: CallOptions,
): Promise<Order> {
  return readOrder(
    session,
    url,
    await session.post(url, undefined, { ...options, operation: 'order' }),
  );
}

/**
 * Sends the CSR of an order whose names are all proven. RFC 8555 §7.4. Not repeated when its answer
 * was lost: read the order again.
 * @param csr DER
 * @returns the order, most often `processing`: poll it
 */
export async function finalizeOrder(
  session: AcmeSession,
  order: Order<'ready'>,
  csr: Uint8Array,
  options?: CallOptions,
): Promise<Order> {
  return readOrder(
    session,
    order.url,
    await session.post(
      order.finalize,
      { csr: base64url.encode(csr) },
      { ...options, operation: 'finalize' },
    ),
  );
}

function readOrder(session: AcmeSession, url: string, answer: AcmeResponse): Order {
  const members = readMembers('the order', answer);
  return {
    url,
    identifiers: members
      .list('identifiers')
      .map((identifier) => readIdentifier(`an identifier of the order ${url}`, identifier)),
    authorizations: members
      .list('authorizations')
      .map((authorization) => authorizationUrl(url, authorization)),
    finalize: members.url('finalize'),
    expires: members.optionalString('expires'),
    retryAfter: retryAfter(answer.headers, session.clock.now())?.toString(),
    ...readState(members),
  };
}

function readState(members: Members): OrderState {
  const status = members.oneOf('status', ['pending', 'ready', 'processing', 'valid', 'invalid']);
  if (status === 'valid') return { status, certificate: members.url('certificate') };
  if (status !== 'invalid') return { status };
  const error = members.optional('error');
  return { status, error: error === undefined ? undefined : readProblem(error) };
}

function authorizationUrl(order: string, url: unknown): string {
  if (typeof url === 'string' && isWebUrl(url)) return url;
  throw new AcmeError(
    'ERR_ACME_ANSWER',
    `the order ${order}: one of its authorizations is not a valid URL`,
  );
}
