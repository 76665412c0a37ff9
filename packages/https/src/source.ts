import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SecureContext } from 'node:tls';
import type { Clock } from '@acmex/clock';
import type { CertificateStatus } from './certificate-status.ts';
import type { ServedCertificate } from './contexts.ts';
import type { AutocertOptions, Place } from './options.ts';
import type { Servers } from './servers.ts';

/** Where the certificates of a program come from. Disposing of it ends what it does. */
export interface CertificateSource extends AsyncDisposable {
  /** The name or address by which clients reach the program first. */
  readonly name: string;
  /**
   * Returns what is presented to a client that asks for a name, a context for each type of key, if it
   * is in memory.
   */
  inMemory(name: string): readonly SecureContext[] | undefined;
  /**
   * As `inMemory`, for a domain name that may not be in memory.
   * @returns undefined for what clients without a server name get
   */
  find(
    name: string,
    remoteAddress: string | undefined,
  ): Promise<readonly SecureContext[] | undefined>;
  /** Returns what is presented to a CA that validates a domain name by tls-alpn-01. */
  findChallenge(name: string): Promise<readonly SecureContext[] | undefined>;
  /** Answers a request of http-01, and returns whether it was one. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
  /** Returns what a health check shows of each certificate. */
  status(): Promise<readonly CertificateStatus[]>;
  /**
   * Resolves when each wanted name has a certificate that has not ended.
   * @throws HttpsError `ERR_HTTPS_CLOSED`; the reason of the signal
   */
  ready(signal: AbortSignal | undefined): Promise<void>;
  /** Called when a server listens. */
  onListening?(url: string): void;
}

/** What a source works with. */
export interface SourceContext {
  readonly options: AutocertOptions;
  readonly place: Place;
  readonly clock: Clock;
  /** It presents its certificate for clients without a server name there, before it is returned. */
  readonly servers: Servers;
  /** Called with each certificate that is served from now on. */
  readonly onServed: (
    certificate: Pick<ServedCertificate, 'names' | 'notAfter' | 'serialNumber'>,
  ) => void;
  readonly onError: (error: unknown) => void;
}
