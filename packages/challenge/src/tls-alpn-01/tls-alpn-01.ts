import { randomBytes, randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { ChallengeSolver, ChallengeToSolve } from '@acmex/client';
import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import type { Identifier } from '@acmex/identifier';
import { keyAuthorizationDigest } from '@acmex/protocol';
import { inTurn, listenerOnDemand, listening, whereListening } from '../port.ts';
import { rehearse } from '../rehearsal.ts';
import { type PublicLookUp, publicLookUp } from '../public-look-up.ts';
import { assertShared, type SharedResponses } from '../shared-responses.ts';
import { certificateAt, close, contextFor, serverFor, serverName } from './server.ts';

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

interface LiveCertificate {
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
  const live = new Map<string, LiveCertificate>();
  const sockets = new Set<Socket>();
  const turn = inTurn();
  const lookUp = shared && publicLookUp(shared, { clock });
  const listener = listenerOnDemand({
    make: () =>
      serverFor(
        async (name) => live.get(name)?.context ?? (await sharedContext(lookUp, name, clock)),
        sockets,
      ),
    close: (server) => close(server, sockets),
    place: { port, host },
    sharesResponses: shared !== undefined,
  });

  const visibleCertificate = async (name: string, signal: AbortSignal | undefined) =>
    await withTimeLimit({ clock, limit: 'PT5S', signal }, (limited) =>
      whereListening(listener, {
        open: () => turn(() => listener.open()),
        ask: async (address) => await certificateAt(address, name, limited),
        signal: limited,
      }),
    ).catch(() => undefined);

  const solver: ChallengeSolver<TlsAlpn01Response> = {
    type: 'tls-alpn-01',
    supports: supportsTlsAlpn01,
    check: async (_, options) => await rehearse(solver, inventedResponse(), options),
    respond: respondTlsAlpn01,
    present: ({ identifier, digest }, { signal } = {}) =>
      turn(async () => {
        signal?.throwIfAborted();
        const context = await contextFor(identifier, digest, clock);
        await shared?.put(serverName(identifier), sharedText({ identifier, digest }));
        await listener.open();
        live.set(serverName(identifier), { context, digest });
      }),
    async visible({ identifier, digest }, { signal } = {}) {
      const name = serverName(identifier);
      const isLive = live.get(name)?.digest === digest;
      const certificate = isLive ? await visibleCertificate(name, signal) : undefined;
      signal?.throwIfAborted();
      if (!certificate?.includes(Buffer.from(digest, 'base64url')))
        throw listener.notVisible('the certificate');
    },
    remove: ({ identifier }) =>
      turn(async () => {
        live.delete(serverName(identifier));
        await shared?.remove(serverName(identifier));
        if (live.size === 0) await listener.close();
      }),
  };
  return solver;
}

/** tls-alpn-01 proves names and addresses, never wildcards. RFC 8737 §3, RFC 8738 §6 */
function supportsTlsAlpn01({ type }: Identifier, wildcard: boolean): boolean {
  return !wildcard && (type === 'dns' || type === 'ip');
}

function sharedText({ identifier, digest }: TlsAlpn01Response): string {
  return JSON.stringify({ identifier, digest });
}

async function respondTlsAlpn01({
  identifier,
  keyAuthorization,
}: Pick<ChallengeToSolve, 'identifier' | 'keyAuthorization'>): Promise<TlsAlpn01Response> {
  return {
    identifier: { type: identifier.type, value: identifier.value },
    digest: (await keyAuthorizationDigest(keyAuthorization)).base64url,
  };
}

/** Returns a response for a name that no certificate has. RFC 6761 §6.4 */
function inventedResponse(): TlsAlpn01Response {
  return {
    identifier: { type: 'dns', value: `${randomUUID()}.invalid` },
    digest: randomBytes(32).toString('base64url'),
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
  const lookUp = publicLookUp(shared, { clock });
  const server = await listening(
    () => serverFor((name) => sharedContext(lookUp, name, clock), sockets),
    { port, host },
  );
  return { [Symbol.asyncDispose]: () => close(server, sockets) };
}

/**
 * Solves tls-alpn-01 by responses that another part answers with, which shares them:
 * `tlsAlpn01Answers`, or `tlsAlpn01Contexts` in a server of this program. It opens no port.
 */
export function tlsAlpn01Shared({
  shared,
}: {
  readonly shared: SharedResponses;
}): ChallengeSolver<TlsAlpn01Response> {
  return {
    type: 'tls-alpn-01',
    supports: supportsTlsAlpn01,
    respond: respondTlsAlpn01,
    async present({ identifier, digest }, { signal } = {}) {
      signal?.throwIfAborted();
      await shared.put(serverName(identifier), sharedText({ identifier, digest }));
    },
    visible: async ({ identifier, digest }) =>
      await assertShared(shared, serverName(identifier), sharedText({ identifier, digest })),
    remove: async ({ identifier }) => await shared.remove(serverName(identifier)),
  };
}

/**
 * Returns what a TLS server presents to a client that offers `acme-tls/1` for a server name;
 * undefined for a name without a challenge.
 */
export function tlsAlpn01Contexts({
  shared,
  clock = systemClock,
}: Pick<TlsAlpn01AnswersOptions, 'shared' | 'clock'>): (
  name: string,
  address?: string,
) => Promise<SecureContext | undefined> {
  const lookUp = publicLookUp(shared, { clock });
  return async (name, address) =>
    await sharedContext(async (wanted) => await lookUp(wanted, address), name.toLowerCase(), clock);
}

/**
 * Returns a certificate of this machine's making with the digest that another machine shows for a
 * name; undefined if none shows the name.
 */
async function sharedContext(
  lookUp: PublicLookUp | undefined,
  name: string,
  clock: Clock,
): Promise<SecureContext | undefined> {
  const response = await lookUp?.(name);
  if (response === undefined) return undefined;
  const { identifier, digest } = JSON.parse(response) as TlsAlpn01Response;
  return serverName(identifier) === name ? await contextFor(identifier, digest, clock) : undefined;
}
