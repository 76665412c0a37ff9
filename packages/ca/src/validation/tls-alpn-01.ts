import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import { type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { type Egress, egressConnect } from '@acmex/egress';
import { errorCode } from '@acmex/errors';
import type { Identifier } from '@acmex/identifier';
import { keyAuthorizationDigest } from '@acmex/protocol';
import { challengeCertificateFault } from './challenge-certificate.ts';
import { reverseName } from './reverse-name.ts';
import {
  egressProblem,
  problem,
  unsupported,
  type Validation,
  type ValidationRecord,
} from './validation.ts';

export interface TlsAlpn01Validation {
  readonly identifier: Identifier;
  readonly keyAuthorization: string;
  /** 443 unless in a test. */
  readonly port?: number;
  /** Which addresses may be reached, how they are found, and the clock. */
  readonly egress?: Egress;
  /** For the connection, and again for the handshake; 10 seconds by default. */
  readonly limit?: DurationInput;
  readonly signal?: AbortSignal | undefined;
}

const protocol = 'acme-tls/1';

function servernameOf({ type, value }: Identifier): string | undefined {
  if (type === 'dns') return value;
  return type === 'ip' ? reverseName(value) : undefined;
}

/**
 * Asks for the protocol `acme-tls/1` under the name, or the reverse name of the address, and looks
 * for the digest in the certificate shown. RFC 8737 §3, RFC 8738 §6
 * @throws the signal's reason
 */
export async function validateTlsAlpn01({
  identifier,
  keyAuthorization,
  port = 443,
  egress,
  limit = 'PT10S',
  signal,
}: TlsAlpn01Validation): Promise<Validation> {
  const servername = servernameOf(identifier);
  if (servername === undefined) return unsupported('tls-alpn-01', identifier);
  const records: ValidationRecord[] = [];
  const where = `${identifier.value} port ${port}`;
  try {
    using connection = await egressConnect({
      ...egress,
      host: identifier.value,
      port,
      limit,
      signal,
    });
    records.push({ type: 'connection', to: servername, address: connection.address, port });
    const presented = await withTimeLimit(
      { clock: egress?.clock ?? systemClock, limit, signal },
      (limited) => handshake(connection.socket, servername, limited),
    );
    if ('failure' in presented)
      return problem(
        'tls',
        `${where}: no TLS connection with the protocol ${protocol} for ${servername} (${errorCode(presented.failure) ?? 'no code'})`,
        records,
        presented.failure,
      );
    if (presented.protocol !== protocol)
      return problem(
        'incorrectResponse',
        `${where}: the server does not speak the protocol ${protocol}`,
        records,
      );
    const fault = await challengeCertificateFault(
      presented.certificate,
      identifier,
      (await keyAuthorizationDigest(keyAuthorization)).bytes,
    );
    return fault === undefined
      ? { valid: true, records }
      : problem(
          'incorrectResponse',
          `${where}: the certificate shown for ${servername} ${fault}`,
          records,
        );
  } catch (error) {
    signal?.throwIfAborted();
    return egressProblem(identifier, error, records);
  }
}

interface Shown {
  readonly protocol: string | false | null;
  readonly certificate: Uint8Array;
}

async function handshake(
  socket: Socket,
  servername: string,
  signal: AbortSignal,
): Promise<Shown | { readonly failure: unknown }> {
  // The certificate is signed by its own key; what it is worth is looked at afterwards.
  const secure = connect({
    socket,
    servername,
    ALPNProtocols: [protocol],
    minVersion: 'TLSv1.2',
    rejectUnauthorized: false,
  }).on('error', () => {
    /* reported, or of no interest any more */
  });
  try {
    await once(secure, 'secureConnect', { signal });
    return { protocol: secure.alpnProtocol, certificate: secure.getPeerCertificate().raw };
  } catch (failure) {
    return { failure: signal.aborted ? signal.reason : failure };
  } finally {
    secure.destroy();
  }
}
