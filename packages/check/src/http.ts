import { randomUUID } from 'node:crypto';
import type { Clock, DurationInput } from '@acmex/clock';
import {
  type EgressAnswer,
  egressFetch,
  type EgressFetchOptions,
  type Hop,
  type Resolve,
} from '@acmex/egress';
import { errorCode, errorText, printable } from '@acmex/errors';
import { type Identifier, urlHost } from '@acmex/identifier';
import {
  addressesOf,
  type AddressAnswer,
  answersFindings,
  bothPolicies,
  type Reach,
} from './addresses.ts';
import type { CheckErrorCode } from './errors.ts';
import { type Finding, finding, type Observation } from './finding.ts';

/** Ports at which a CA connects. Other ones are for tests alone. */
export interface CaPorts {
  readonly http: number;
  readonly https: number;
}
export const caPorts: CaPorts = { http: 80, https: 443 };

/** A response of http-01 that is in place now. */
export interface Http01Subject {
  /** Without `*.` */
  readonly identifier: Identifier;
  readonly token: string;
  readonly keyAuthorization: string;
}

export interface PortCheckOptions extends Reach {
  readonly clock: Clock;
  /** 80 and 443 by default. */
  readonly ports?: CaPorts | undefined;
  /** For one address; 5 seconds by default. */
  readonly limit?: DurationInput | undefined;
  readonly signal: AbortSignal;
}

const largestBody = 4096;

/** Why the addresses of a name are not tried. */
export const notConnected = 'its addresses are none that this machine connects to for others';

/**
 * Fetches a response of http-01 from each address of a name as a CA does: over port 80, through ten
 * redirects at most. RFC 8555 §8.3. Only what this machine can see from here is known: a firewall on
 * the way from elsewhere may still be closed.
 * @throws the reason of the signal
 */
export async function checkHttp01(
  subject: Http01Subject,
  options: PortCheckOptions,
): Promise<Observation> {
  const { identifier } = subject;
  const seen = await addressesOf(identifier, options, options.signal);
  const { addresses, untried, closed, findings } = seen;
  const answers = await Promise.all(
    addresses.map(async (address): Promise<AddressAnswer> => ({
      address,
      problem: await problemAt(address, subject, options),
    })),
  );
  if (closed > 0 && addresses.length === 0 && findings.length === 0)
    return { skipped: notConnected };
  return {
    findings: [...findings, ...answersFindings(answers)],
    saw: [
      ...addresses.map((address) => `asked ${address}`),
      ...untried.map((address) => `${address} is not asked: this machine has no IPv6`),
    ].join(', '),
  };
}

/** Returns what is wrong with the answer of an address; undefined where it is the response. */
async function problemAt(
  address: string,
  subject: Http01Subject,
  options: PortCheckOptions,
): Promise<Finding | undefined> {
  const { identifier, token, keyAuthorization } = subject;
  const place = { subject: identifier.value, address, hops: [] as Hop[] };
  try {
    const answer = await fetchToken(token, place, { identifier, ...options });
    const body = Buffer.from(answer.body).toString().trimEnd();
    if (answer.status === 200 && body === keyAuthorization) return undefined;
    if (answer.status !== 200) return statusFinding(answer, place);
    if (/^[\w-]{16,}\.[\w-]{43}$/.test(body))
      return finding('ERR_CHECK_HTTP_ACCOUNT', {
        subject: place.subject,
        saw: `${address} answers with the response "${printable(body, 150)}" of a different account`,
      });
    const unknown = await fetchToken(randomUUID(), place, { identifier, ...options });
    const code: CheckErrorCode =
      unknown.status === 200 ? 'ERR_CHECK_HTTP_CATCH_ALL' : 'ERR_CHECK_HTTP_ANSWER';
    return finding(code, {
      subject: place.subject,
      saw: `${address} answers with status 200 and ${answer.body.length} bytes that are not the response: "${printable(body, 60)}"`,
    });
  } catch (error) {
    options.signal.throwIfAborted();
    return failureFinding(error, place, options);
  }
}

interface AskedPlace {
  readonly subject: string;
  readonly address: string;
  /** The connections of the last request. */
  readonly hops: Hop[];
}

async function fetchToken(
  token: string,
  { address, hops }: AskedPlace,
  {
    identifier,
    lookUp,
    policy,
    mayConnect,
    clock,
    ports = caPorts,
    limit = 'PT5S',
    signal,
  }: PortCheckOptions & Pick<Http01Subject, 'identifier'>,
): Promise<EgressAnswer> {
  const { http, https } = ports;
  const resolver: Resolve = async (name, resolving) =>
    name === identifier.value ? [address] : await lookUp.addresses(name, resolving);
  const limits = {
    schemes: { http, https },
    ports: [http, https],
    redirects: 10,
    maxBody: largestBody,
    certificates: 'ignore',
    limit,
  } satisfies EgressFetchOptions;
  const host = urlHost(identifier.value);
  hops.length = 0;
  return await egressFetch({
    ...limits,
    policy: bothPolicies(policy, mayConnect),
    resolver,
    clock,
  })(`http://${host}${http === 80 ? '' : `:${http}`}/.well-known/acme-challenge/${token}`, {
    headers: { accept: '*/*', 'user-agent': 'acmex (check of http-01)' },
    signal,
    onHop: (hop) => hops.push(hop),
  });
}

function statusFinding({ status, url }: EgressAnswer, { subject, address }: AskedPlace): Finding {
  return finding('ERR_CHECK_HTTP_STATUS', {
    subject,
    saw: `${address} answers with status ${status} for ${printable(url, 300)}`,
  });
}

/** Failures to connect. */
const beforeHop: ReadonlySet<string | undefined> = new Set([
  'ERR_EGRESS_CONNECT',
  'ERR_EGRESS_ADDRESS',
  'ERR_EGRESS_RESOLVE',
]);

function failureFinding(
  error: unknown,
  { subject, address, hops }: AskedPlace,
  { mayConnect }: Pick<Reach, 'mayConnect'>,
): Finding {
  const code = errorCode(error);
  // Before the first connection these would come without a hop.
  const isRedirected = hops.length > 1 || (hops.length === 1 && beforeHop.has(code));
  if (isRedirected || code === 'ERR_EGRESS_REDIRECTS' || code === 'ERR_EGRESS_URL') {
    const last = hops.at(-1)?.url ?? '';
    // The resolver may know addresses that those who choose names do not.
    const isHidden = mayConnect !== undefined && beforeHop.has(code);
    const cause = isHidden ? 'the next server is not connected to' : errorText(error);
    return finding('ERR_CHECK_REDIRECT', {
      subject,
      saw: `${address} redirects, the last answer is of ${printable(last, 300)}: ${cause}`,
    });
  }
  return connectionFinding(error, { subject, address, port: hops[0]?.port });
}

/** Returns the finding for a connection that was not made, or that has no answer. */
export function connectionFinding(
  error: unknown,
  { subject, address, port }: Pick<AskedPlace, 'subject' | 'address'> & { readonly port?: unknown },
): Finding {
  const cause = error instanceof Error ? error.cause : undefined;
  const codes = [errorCode(error), errorCode(cause)];
  const at = port === undefined ? address : `${address} port ${String(port)}`;
  if (codes.includes('ECONNREFUSED'))
    return finding('ERR_CHECK_PORT_REFUSED', { subject, saw: `${at} refuses the connection` });
  if (codes.includes('ERR_EGRESS_TIME') || codes.includes('ERR_TIME_LIMIT'))
    return finding('ERR_CHECK_PORT_TIME', { subject, saw: `${at} does not answer in time` });
  if (codes.includes('ERR_EGRESS_CONNECT'))
    return finding('ERR_CHECK_PORT_UNREACHABLE', {
      subject,
      saw: `${at} cannot be reached (${codes[1] ?? 'no code'})`,
    });
  return finding('ERR_CHECK_HTTP_ANSWER', { subject, saw: `${at}: ${errorText(error)}` });
}
