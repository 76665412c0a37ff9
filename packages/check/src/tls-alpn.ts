import { certificateAt, serverName } from '@acmex/challenge/tls-alpn-01';
import { withTimeLimit } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Identifier } from '@acmex/identifier';
import { addressesOf, type AddressAnswer, answersFindings } from './addresses.ts';
import { type Finding, finding, type Observation } from './finding.ts';
import { caPorts, connectionFinding, notConnected, type PortCheckOptions } from './http.ts';

/** A response of tls-alpn-01 that is in place now. */
export interface TlsAlpn01Subject {
  readonly identifier: Identifier;
  /** SHA-256 of the key authorization, base64url. */
  readonly digest: string;
}

/**
 * Asks each address of a name for the certificate that answers tls-alpn-01. RFC 8737
 * @throws the reason of the signal
 */
export async function checkTlsAlpn01(
  subject: TlsAlpn01Subject,
  options: PortCheckOptions,
): Promise<Observation> {
  const { identifier } = subject;
  const seen = await addressesOf(identifier, options, options.signal);
  const { addresses, closed, findings } = seen;
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
    saw: addresses.map((address) => `asked ${address}`).join(', '),
  };
}

async function problemAt(
  address: string,
  { identifier, digest }: TlsAlpn01Subject,
  { clock, ports = caPorts, limit = 'PT5S', signal }: PortCheckOptions,
): Promise<Finding | undefined> {
  const subject = identifier.value;
  try {
    const certificate = await withTimeLimit({ clock, limit, signal }, (limited) =>
      certificateAt({ address, port: ports.https }, serverName(identifier), limited),
    );
    if (certificate.includes(Buffer.from(digest, 'base64url'))) return undefined;
    return finding('ERR_CHECK_TLS_ALPN', {
      subject,
      saw: `${address} answers with a certificate that is not the response`,
    });
  } catch (error) {
    signal.throwIfAborted();
    const code = errorCode(error) ?? '';
    if (['ECONNREFUSED', 'ERR_TIME_LIMIT'].includes(code))
      return connectionFinding(error, { subject, address, port: ports.https });
    if (/^E[A-Z]*(UNREACH|HOSTDOWN|NETDOWN|AFNOSUPPORT|ADDRNOTAVAIL)$/.test(code))
      return finding('ERR_CHECK_PORT_UNREACHABLE', { subject, saw: `${address}: ${code}` });
    return finding('ERR_CHECK_TLS_ALPN', {
      subject,
      saw: `${address} does not complete the handshake with acme-tls/1 (${code || 'no code'})`,
    });
  }
}
