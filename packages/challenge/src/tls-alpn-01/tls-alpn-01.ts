import type { AddressInfo, Socket } from 'node:net';
import type { SecureContext, Server } from 'node:tls';
import type { ChallengeSolver } from '@acmex/client';
import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Identifier } from '@acmex/identifier';
import { keyAuthorizationDigest } from '@acmex/protocol';
import { ChallengeError } from '../errors.ts';
import { inTurn, listening } from '../port.ts';
import type { SharedResponses } from '../shared-responses.ts';
import { close, contextFor, extensionAt, serverFor, serverName } from './server.ts';

export interface TlsAlpn01Options {
  /** 443 by default, where every CA asks. */
  readonly port?: number;
  /** The address to listen on; all of IPv6 and IPv4 by default. */
  readonly host?: string | undefined;
  /**
   * Where other machines find what is shown, and this one what they show: then a port that is in
   * use is theirs to answer on.
   */
  readonly shared?: SharedResponses | undefined;
  readonly clock?: Clock;
}

/** What is shown for one tls-alpn-01 challenge: a digest, to who asks for the name. */
export type TlsAlpn01Response = {
  readonly identifier: Identifier & { readonly [member: string]: unknown };
  readonly digest: string;
};

interface Shown {
  readonly context: SecureContext;
  readonly digest: string;
}

/**
 * Proves names and addresses on the TLS port, by certificates that hold the answer. RFC 8737, RFC
 * 8738 §6. One listener serves any number of names; it opens with the first and is gone with the
 * last, speaks TLS 1.2 or later, and no protocol but `acme-tls/1`.
 * @throws ChallengeError `ERR_CHALLENGE_PORT_IN_USE`, `…_PORT_DENIED`, `…_LISTEN`, and `…_MODULE`
 * where @acmex/certificate is not installed, by `present`
 */
export function tlsAlpn01({
  port = 443,
  host,
  shared,
  clock = systemClock,
}: TlsAlpn01Options = {}): ChallengeSolver<TlsAlpn01Response> {
  const live = new Map<string, Shown>();
  const sockets = new Set<Socket>();
  const turn = inTurn();
  let server: Server | undefined;
  /** Why this one does not listen itself, where another may answer for it. */
  let taken: unknown;
  const make = () =>
    serverFor(
      async (name) => live.get(name)?.context ?? (await sharedContext(shared, name, clock)),
      sockets,
    );

  return {
    type: 'tls-alpn-01',
    supports: ({ type }, wildcard) => !wildcard && (type === 'dns' || type === 'ip'),
    async respond({ identifier, keyAuthorization }) {
      return {
        identifier: { type: identifier.type, value: identifier.value },
        digest: (await keyAuthorizationDigest(keyAuthorization)).base64url,
      };
    },
    present: ({ identifier, digest }, { signal } = {}) =>
      turn(async () => {
        signal?.throwIfAborted();
        const context = await contextFor(identifier, digest, clock);
        await shared?.put(serverName(identifier), JSON.stringify({ identifier, digest }));
        server ??= await listening(make, { port, host }).catch((error: unknown) => {
          if (!shared || errorCode(error) !== 'ERR_CHALLENGE_PORT_IN_USE') throw error;
          taken = error;
          return undefined;
        });
        live.set(serverName(identifier), { context, digest });
      }),
    async visible({ identifier, digest }, { signal } = {}) {
      const place = server
        ? (server.address() as AddressInfo)
        : shared && { address: host ?? '::', port };
      const shown =
        live.get(serverName(identifier))?.digest === digest && place
          ? await withTimeLimit({ clock, limit: 'PT5S', signal }, (limited) =>
              extensionAt(place, serverName(identifier), limited),
            ).catch(() => undefined)
          : undefined;
      signal?.throwIfAborted();
      if (shown?.includes(Buffer.from(digest, 'base64url'))) return;
      throw (
        (server ? undefined : taken) ??
        new ChallengeError(
          'ERR_CHALLENGE_NOT_VISIBLE',
          `port ${port} of this machine does not show the certificate that was put there: check what else serves the port`,
        )
      );
    },
    remove: ({ identifier }) =>
      turn(async () => {
        live.delete(serverName(identifier));
        await shared?.remove(serverName(identifier));
        if (live.size > 0 || !server) return;
        const closing = server;
        server = undefined;
        await close(closing, sockets);
      }),
  };
}

export interface TlsAlpn01AnswersOptions extends Pick<TlsAlpn01Options, 'port' | 'host' | 'clock'> {
  readonly shared: Pick<SharedResponses, 'find'>;
}

/**
 * Answers tls-alpn-01 for every machine that shares its responses, until it is disposed of.
 * @throws ChallengeError as `present` of tlsAlpn01 does
 */
export async function tlsAlpn01Answers({
  shared,
  port = 443,
  host,
  clock = systemClock,
}: TlsAlpn01AnswersOptions): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = await listening(
    () => serverFor((name) => sharedContext(shared, name, clock), sockets),
    { port, host },
  );
  return { [Symbol.asyncDispose]: () => close(server, sockets) };
}

/**
 * What another machine shows for a name, if it does: a certificate of this one's making with that
 * one's digest.
 */
async function sharedContext(
  shared: Pick<SharedResponses, 'find'> | undefined,
  name: string,
  clock: Clock,
): Promise<SecureContext | undefined> {
  const found = await shared?.find(name);
  if (found === undefined) return undefined;
  const { identifier, digest } = JSON.parse(found) as TlsAlpn01Response;
  return serverName(identifier) === name ? await contextFor(identifier, digest, clock) : undefined;
}
