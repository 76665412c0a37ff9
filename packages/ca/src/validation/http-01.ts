import type { DurationInput } from '@acmex/clock';
import { type Egress, egressFetch } from '@acmex/egress';
import { type Identifier, urlHost } from '@acmex/identifier';
import {
  egressProblem,
  problem,
  unsupported,
  type Validation,
  type ValidationRecord,
} from './validation.ts';

export interface Http01Validation {
  readonly identifier: Identifier;
  readonly token: string;
  readonly keyAuthorization: string;
  /** 80 and 443 unless in a test: no other port proves control of a host. */
  readonly port?: number;
  readonly tlsPort?: number;
  /** Which addresses may be reached, how they are found, and the clock. */
  readonly egress?: Egress;
  /** 10 seconds by default, redirects included. */
  readonly limit?: DurationInput;
  readonly signal?: AbortSignal | undefined;
}

/** A web server may end a text with some white space; more than this is another page. */
const slack = 512;

/**
 * Fetches the key authorization as RFC 8555 §8.3 says, and for addresses RFC 8738 §4: over port 80,
 * by GET, through ten redirects at most (301, 302, 307, 308), to http and https on their two ports
 * alone; every hop is looked up and checked again. Certificates on the way are not verified: who
 * asks for a certificate has none yet, and what is proven is control of the host behind the name,
 * not the channel.
 * @throws the signal's reason
 */
export async function validateHttp01({
  identifier,
  token,
  keyAuthorization,
  port = 80,
  tlsPort = 443,
  egress,
  limit = 'PT10S',
  signal,
}: Http01Validation): Promise<Validation> {
  if (identifier.type !== 'dns' && identifier.type !== 'ip')
    return unsupported('http-01', identifier);
  const records: ValidationRecord[] = [];
  const fetch = egressFetch({
    ...egress,
    schemes: { http: port, https: tlsPort },
    ports: [port, tlsPort],
    redirects: 10,
    maxBody: keyAuthorization.length + slack,
    certificates: 'ignore',
    limit,
  });
  const host = urlHost(identifier.value);
  const url = `http://${host}${port === 80 ? '' : `:${port}`}/.well-known/acme-challenge/${encodeURIComponent(token)}`;
  try {
    const answer = await fetch(url, {
      headers: { accept: '*/*', 'user-agent': 'acmex-ca (http-01 validation)' },
      signal,
      onHop: (hop) =>
        records.push({ type: 'connection', to: hop.url, address: hop.address, port: hop.port }),
    });
    const where = `${url}${records.length > 1 ? `, after ${records.length - 1} redirects,` : ''}`;
    if (answer.status !== 200)
      return problem(
        'incorrectResponse',
        `${where} answered with status ${answer.status}, not 200`,
        records,
      );
    if (Buffer.from(answer.body).toString().trimEnd() !== keyAuthorization)
      return problem(
        'incorrectResponse',
        `${where} answered with ${answer.body.length} bytes that are not the key authorization of this account and token`,
        records,
      );
    return { valid: true, records };
  } catch (error) {
    signal?.throwIfAborted();
    return egressProblem(identifier, error, records);
  }
}
