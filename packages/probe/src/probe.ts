import { once } from 'node:events';
import { isIP } from 'node:net';
import {
  connect,
  type ConnectionOptions,
  type SecureVersion,
  type TLSSocket,
  type TLSSocketOptions,
} from 'node:tls';
import {
  type Clock,
  type DurationInput,
  mapConcurrent,
  systemClock,
  withTimeLimit,
} from '@acmex/clock';
import {
  type AddressPolicy,
  type Connection,
  egressConnect,
  type Resolve,
  systemResolver,
} from '@acmex/egress';
import { printable } from '@acmex/errors';
import type { Temporal } from 'temporal-polyfill';
import { conversationOn } from './conversation.ts';
import { ProbeError } from './errors.ts';
import { connectFailure, handshakeFailure, targetName } from './failure.ts';
import { certificatesSent } from './handshake.ts';
import { startTls, type StartTlsProtocol } from './starttls.ts';
import { Wire } from './wire.ts';

export interface ProbeOptions {
  /** A name, as an A-label, or an address: IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** The protocol that begins in plain text; TLS from the first byte by default. */
  readonly startTls?: StartTlsProtocol | undefined;
  /** The name in the handshake (SNI); `host` by default. An address is not sent. RFC 6066 §3 */
  readonly serverName?: string | undefined;
  /** Only addresses of this family. */
  readonly family?: 4 | 6 | undefined;
  /** The versions of TLS that are offered; `TLSv1.2` and `TLSv1.3` by default. */
  readonly versions?: { readonly lowest: SecureVersion; readonly highest: SecureVersion };
  /** The application protocols that are offered; none by default. RFC 7301 */
  readonly applicationProtocols?: readonly string[] | undefined;
  /** For everything from the look-up to the end of the handshake; 10 seconds by default. */
  readonly limit?: DurationInput;
  /** Which addresses may be reached; public ones by default. */
  readonly policy?: AddressPolicy;
  /** That of the system by default. */
  readonly resolver?: Resolve;
  readonly clock?: Clock;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a server served in one handshake. Nothing of it is verified: pass the chain to `verifyChain`
 * and the OCSP response to `checkRevocation`.
 */
export interface ServedTls {
  /** The address that answered. */
  readonly address: string;
  readonly port: number;
  /** The name that was sent; undefined for an address. */
  readonly serverName: string | undefined;
  /** As `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher suite by its IANA name. */
  readonly cipher: string;
  /** The application protocol that the server selected. */
  readonly applicationProtocol: string | undefined;
  /** The certificates as they were sent, DER: in the server's order, with repeats and strays. */
  readonly chain: readonly Uint8Array[];
  /** The stapled OCSP response, DER. */
  readonly ocspResponse: Uint8Array | undefined;
  /** When the handshake was complete. */
  readonly at: Temporal.Instant;
  /** From the first connection attempt to the end of the handshake. */
  readonly durationMs: number;
}

/** The outcome at one address of a host. */
export type ProbedAddress = { readonly address: string } & (
  { readonly served: ServedTls } | { readonly error: unknown }
);

/** A policy that permits every address: for a host that the operator names. */
export const anyAddress: AddressPolicy = { refusal: () => undefined };

/**
 * Connects to a server, completes a TLS handshake, and returns what the server served. Trust is not
 * checked, nothing else is sent, and the connection is closed. It never uses a proxy.
 *
 * @throws ProbeError with the cause and the cure; the signal's reason when the caller ended it
 */
export async function probe(options: ProbeOptions): Promise<ServedTls> {
  const { clock = systemClock, limit = 'PT10S', signal } = options;
  let timed: AbortSignal | undefined;
  try {
    return await withTimeLimit({ clock, limit, signal }, async (limited) => {
      timed = limited;
      const started = clock.monotonic();
      using connection = await connected(options, limited);
      const served = await handshake(connection, options, limited);
      const durationMs = Math.round(clock.monotonic() - started);
      return { ...served, at: clock.now(), durationMs };
    });
  } catch (cause) {
    signal?.throwIfAborted();
    if (!timed?.aborted) throw cause;
    throw new ProbeError(
      'ERR_PROBE_TIME',
      `${targetName(options)}: no complete answer in time; check the server and the firewalls between`,
      { cause },
    );
  }
}

/** How many addresses of a host are probed, and how many at once. */
const eachAddress = { max: 16, atOnce: 4 };

/**
 * Probes each address of a host by itself, 16 at most. The time limit is that of each.
 * @throws ProbeError `ERR_PROBE_RESOLVE` when the host has no address
 */
export async function probeEachAddress(options: ProbeOptions): Promise<readonly ProbedAddress[]> {
  const { host, signal, serverName = host } = options;
  const addresses = await addressesOf(options);
  return await mapConcurrent(
    eachAddress.atOnce,
    addresses.slice(0, eachAddress.max),
    async (address): Promise<ProbedAddress> => {
      try {
        return { address, served: await probe({ ...options, host: address, serverName }) };
      } catch (error) {
        signal?.throwIfAborted();
        return { address, error };
      }
    },
  );
}

async function addressesOf(options: ProbeOptions): Promise<readonly string[]> {
  const { host, signal, limit = 'PT10S', clock = systemClock } = options;
  const resolver = resolverOf(options);
  const addresses = await withTimeLimit({ clock, limit, signal }, (limited) =>
    resolver(host, { signal: limited }),
  ).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw connectFailure(error, options);
  });
  if (addresses.length > 0) return addresses;
  throw new ProbeError(
    'ERR_PROBE_RESOLVE',
    `${printable(host)}: there is no such name, or it has no ${familyName(options)}address; check its A and AAAA records`,
  );
}

function familyName({ family }: ProbeOptions): string {
  return family === undefined ? '' : `IPv${family} `;
}

/** Returns a resolver that finds addresses of the wanted family; an address is its own. */
function resolverOf({ family, resolver = systemResolver() }: ProbeOptions): Resolve {
  return async (name, options) => {
    const addresses = isIP(name) ? [name] : await resolver(name, options);
    return addresses.filter((address) => family === undefined || isIP(address) === family);
  };
}

async function connected(options: ProbeOptions, signal: AbortSignal): Promise<Connection> {
  const { host, port, family, policy, clock, limit } = options;
  if (family !== undefined && isIP(host) !== 0 && isIP(host) !== family)
    throw new ProbeError(
      'ERR_PROBE_RESOLVE',
      `${host} is not an IPv${family} address; use one, or permit both families`,
    );
  try {
    return await egressConnect({
      host,
      port,
      signal,
      resolver: resolverOf(options),
      ...(limit !== undefined && { limit }),
      ...(policy && { policy }),
      ...(clock && { clock }),
    });
  } catch (error) {
    signal.throwIfAborted();
    throw connectFailure(error, options);
  }
}

type Handshake = Omit<ServedTls, 'at' | 'durationMs'>;

async function handshake(
  { socket, address, port }: Connection,
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<Handshake> {
  const { host, startTls: protocol, serverName = host } = options;
  const wire = new Wire(socket);
  try {
    if (protocol) await begin(protocol, wire, signal);
    wire.forget();
    const sentName = isIP(serverName) === 0 ? serverName : undefined;
    const served = await secured(wire, { ...options, serverName: sentName }, signal);
    return { address, port, serverName: sentName, ...served };
  } catch (error) {
    signal.throwIfAborted();
    throw handshakeFailure(error, wire, options);
  } finally {
    wire.destroy();
  }
}

/** Asks for TLS. Bytes that follow the answer could have been injected. RFC 3207 §5 */
async function begin(protocol: StartTlsProtocol, wire: Wire, signal: AbortSignal): Promise<void> {
  await startTls(protocol, conversationOn(wire, signal));
  if (wire.readableLength > 0)
    throw new ProbeError(
      'ERR_PROBE_STARTTLS',
      'the server sent more text between its answer to STARTTLS and TLS; check what is between you and the server',
    );
}

async function secured(
  wire: Wire,
  { serverName, versions, applicationProtocols }: ProbeOptions,
  signal: AbortSignal,
) {
  const offer: ConnectionOptions & TLSSocketOptions = {
    socket: wire,
    ...(serverName !== undefined && { servername: serverName }),
    ...(applicationProtocols && { ALPNProtocols: [...applicationProtocols] }),
    minVersion: versions?.lowest ?? 'TLSv1.2',
    maxVersion: versions?.highest ?? 'TLSv1.3',
    // Nothing is trusted here, and what is weak must be visible as well.
    rejectUnauthorized: false,
    ca: [],
    ciphers: 'DEFAULT:@SECLEVEL=0',
    requestOCSP: true,
  };
  const secure = connect(offer);
  try {
    const { secrets, ocspResponse } = listen(secure);
    await once(secure, 'secureConnect', { signal });
    return { ...describe(secure, wire, secrets()), ocspResponse: ocspResponse() };
  } finally {
    secure.on('error', () => undefined).destroy();
  }
}

/** Collects what a handshake reports only by events. */
function listen(secure: TLSSocket) {
  let ocspResponse: Buffer | undefined;
  let secret: Buffer | undefined;
  secure.on('OCSPResponse', (response: Buffer | null) => {
    ocspResponse = response?.length ? response : undefined;
  });
  secure.on('keylog', (line: Buffer) => {
    const [label, , value = ''] = line.toString('latin1').trim().split(' ');
    if (label === 'SERVER_HANDSHAKE_TRAFFIC_SECRET') secret = Buffer.from(value, 'hex');
  });
  return { ocspResponse: () => ocspResponse, secrets: () => secret };
}

function describe(secure: TLSSocket, wire: Wire, secret: Buffer | undefined) {
  const protocol = secure.getProtocol() ?? '';
  const { standardName: cipher } = secure.getCipher();
  const { alpnProtocol } = secure;
  const chain = certificatesSent(wire.received(), { protocol, cipher, secret });
  const leaf = secure.getPeerX509Certificate();
  if (!leaf || !chain[0]?.equals(leaf.raw))
    throw new RangeError('the certificates of the handshake are not those of the connection');
  return {
    protocol,
    cipher,
    applicationProtocol: alpnProtocol ? alpnProtocol : undefined,
    chain,
  };
}
