import type { IncomingMessage } from 'node:http';
import { type DurationInput, systemClock } from '@acmex/clock';
import { type Egress, egressConnect } from './connect.ts';
import { EgressError } from './errors.ts';
import {
  bodyOf,
  header,
  type Outgoing,
  piecesOf,
  receiveAnswer,
  secured,
  type Trust,
} from './exchange.ts';
import { limited } from './limit.ts';
import { type Target, target, type TargetRules } from './target.ts';

export interface EgressFetchOptions extends Egress, Trust, Partial<TargetRules> {
  /**
   * How many redirects (301, 302, 307, 308) a GET or HEAD follows, each checked as the first URL
   * was; 0 by default: the redirect is the answer.
   */
  readonly redirects?: number;
  /** Bytes; 64 KiB by default. */
  readonly maxBody?: number;
  /**
   * For everything from the look-up to the last byte, redirects included; 30 seconds by default.
   */
  readonly limit?: DurationInput;
}

export interface EgressRequest extends Outgoing {
  /** Called for every connection before a request goes over it. */
  readonly onHop?: (hop: Hop) => void;
  /**
   * Receives the body in pieces as it arrives; `body` of the answer is then empty. Not called for a
   * redirect that is followed.
   */
  readonly read?: (pieces: AsyncIterable<Uint8Array>, answer: EgressHead) => Promise<void>;
}

/** One connection on the way to an answer. */
export interface Hop {
  readonly url: string;
  readonly address: string;
  readonly port: number;
}

/** An answer without its body. */
export interface EgressHead {
  /** Of the last redirect. */
  readonly url: string;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
}

export interface EgressAnswer extends EgressHead {
  readonly body: Uint8Array;
}

export type EgressFetch = (url: string, request?: EgressRequest) => Promise<EgressAnswer>;

/**
 * A fetch for URLs from an untrusted source. Each host is looked up once, its addresses are
 * checked, and the connection goes to the one that was checked, while Host and SNI stay the name.
 * No proxy of the environment is used, no cookie kept, no connection shared.
 * @returns a function that rejects with EgressError: `ERR_EGRESS_URL`, `…_REQUEST`, `…_RESOLVE`,
 * `…_ADDRESS`, `…_CONNECT`, `…_TLS`, `…_ANSWER`, `…_REDIRECTS`, `…_TOO_LARGE`, `…_TIME`
 */
export function egressFetch(options: EgressFetchOptions = {}): EgressFetch {
  const {
    schemes = { http: 80, https: 443 },
    redirects = 0,
    maxBody = 64 * 1024,
    limit = 'PT30S',
    clock = systemClock,
  } = options;
  const rules = { schemes, ports: options.ports ?? Object.values(schemes) };

  return async (text, request = {}) => {
    const follows =
      request.method === undefined || request.method === 'GET' || request.method === 'HEAD';
    const first = target(text, rules);
    return await limited(
      { clock, limit, signal: request.signal, what: first.host },
      async (signal) => {
        let [to, headers] = [first, request.headers ?? {}];
        for (let left = follows ? redirects : 0; ; left--) {
          using connection = await egressConnect({
            ...options,
            clock,
            limit,
            host: to.host,
            port: to.port,
            signal,
          });
          request.onHop?.({ url: to.url.href, address: connection.address, port: to.port });
          const stream =
            to.scheme === 'https'
              ? await secured(connection.socket, to.host, options, signal)
              : connection.socket;
          const message = await receiveAnswer(stream, to, { ...request, headers, signal });
          const answer = {
            url: to.url.href,
            status: message.statusCode ?? 0,
            headers: { get: (name: string) => header(message, name) },
          };
          if (!isRedirect(answer.status) || !follows || redirects === 0) {
            const pieces = piecesOf(message, to.host, maxBody);
            if (!request.read) return { ...answer, body: await bodyOf(pieces) };
            await request.read(pieces, answer);
            return { ...answer, body: new Uint8Array() };
          }
          if (left === 0)
            throw new EgressError(
              'ERR_EGRESS_REDIRECTS',
              `${first.host} redirects more than ${redirects} times: give the URL that it leads to in the end`,
            );
          const next = redirectTarget(message, to, rules);
          if (next.url.origin !== to.url.origin) headers = onward(headers);
          to = next;
        }
      },
    );
  };
}

/** BRs §3.2.2.4.19 names the same four for http-01. */
function isRedirect(status: number): boolean {
  return [301, 302, 307, 308].includes(status);
}

function redirectTarget(message: IncomingMessage, from: Target, rules: TargetRules): Target {
  const { location } = message.headers;
  if (location === undefined)
    throw new EgressError(
      'ERR_EGRESS_REDIRECTS',
      `${from.host} redirects to nowhere: its answer has no Location`,
    );
  return target(location, rules, from.url);
}

/** The headers that a redirect may carry to another host: no credentials. */
function onward(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => ['user-agent', 'accept'].includes(name)),
  );
}
