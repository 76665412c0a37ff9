import { hash, X509Certificate } from 'node:crypto';
import { errorText } from '@acmex/errors';
import { LRUCache } from 'lru-cache';
import { inMemory, type ServedCertificate } from './contexts.ts';
import { HttpsError } from './errors.ts';
import { failureReports } from './failure-reports.ts';
import type { OcspResponses, OcspResponsesOptions } from './ocsp-responses.ts';

/** How many responders are asked at once. */
const atOnce = 10;
/** How soon a responder is asked again about a certificate, and how soon after a failure. */
const shortestPauseMs = 60_000;
const pauseMs = 600_000;
/** How soon the same failure is reported again. */
const reportMs = 86_400_000;
/** How long before its end a response is stapled no longer: clocks of clients may be ahead. */
const longestMarginMs = 3_600_000;

interface Stapled {
  readonly names: readonly string[];
  /** When a response is fetched, in milliseconds since 1970; never while one is. */
  dueAt: number;
  response: Buffer | undefined;
  /** Until when the response is stapled, in milliseconds since 1970. */
  until: number;
}

/**
 * The OCSP responses that a server staples. No handshake waits for one: the first goes without it,
 * and a response is fetched when a client asks for one. RFC 6066 §8, RFC 6961
 */
export class OcspStaples implements AsyncDisposable {
  readonly #options: OcspResponsesOptions;
  readonly #stop = new AbortController();
  readonly #certificates = new LRUCache<string, Stapled>({ max: inMemory });
  readonly #fetching = new Set<Promise<void>>();
  readonly #report: (subject: string, error: unknown) => void;
  #responses: Promise<OcspResponses> | undefined;

  constructor(options: OcspResponsesOptions) {
    this.#options = options;
    this.#report = failureReports(options.onError, reportMs);
  }

  /**
   * Begins to staple for a certificate, and returns whether it names a responder. Two certificates
   * of one context have no staple: Node.js does not say which of them the client gets.
   */
  add({ names, cert: [chain, second] }: Pick<ServedCertificate, 'names' | 'cert'>): boolean {
    if (chain === undefined || second !== undefined) return false;
    const { infoAccess, raw } = new X509Certificate(chain);
    if (!infoAccess?.includes('OCSP - URI:')) return false;
    const id = idOf(raw);
    if (!this.#certificates.has(id))
      this.#certificates.set(id, { names, dueAt: 0, response: undefined, until: 0 });
    return true;
  }

  /** Listens to `OCSPRequest` of a TLS server. */
  readonly answer = (
    certificate: Uint8Array,
    issuer: Uint8Array | null,
    done: (error: Error | null, response: Buffer | null) => void,
  ): void => {
    const stapled = this.#certificates.get(idOf(certificate));
    if (!stapled || !issuer) {
      done(null, null);
      return;
    }
    const now = this.#now();
    done(null, now < stapled.until ? (stapled.response ?? null) : null);
    if (now < stapled.dueAt || this.#fetching.size >= atOnce || this.#stop.signal.aborted) return;
    stapled.dueAt = Infinity;
    const fetching = this.#fetch(stapled, certificate, issuer).finally(() =>
      this.#fetching.delete(fetching),
    );
    this.#fetching.add(fetching);
  };

  async #fetch(stapled: Stapled, certificate: Uint8Array, issuer: Uint8Array): Promise<void> {
    const { signal } = this.#stop;
    try {
      this.#responses ??= this.#load();
      const fetched = await (await this.#responses)(certificate, issuer, signal);
      if (!fetched) return;
      const { response, status, renewAt, nextUpdate } = fetched;
      const now = this.#now();
      const left = nextUpdate.epochMilliseconds - now;
      const isGood = status.status === 'good';
      stapled.response = isGood ? Buffer.from(response) : undefined;
      stapled.until = nextUpdate.epochMilliseconds - Math.min(longestMarginMs, left / 10);
      stapled.dueAt = Math.max(renewAt.epochMilliseconds, now + shortestPauseMs);
      if (!isGood) this.#report(idOf(certificate), revoked(stapled.names));
    } catch (error) {
      if (signal.aborted) return;
      stapled.dueAt = this.#now() + pauseMs;
      // The responder of an issuer is away for all certificates at once.
      this.#report(idOf(issuer), notStapled(stapled.names, error));
    }
  }

  async #load(): Promise<OcspResponses> {
    const { ocspResponses } = await import('./ocsp-responses.ts');
    const onError = (error: unknown) => this.#report('storage', error);
    return ocspResponses({ ...this.#options, onError });
  }

  #now(): number {
    return this.#options.clock.now().epochMilliseconds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#fetching);
  }
}

function idOf(certificate: Uint8Array): string {
  return hash('sha256', certificate, 'base64');
}

function revoked(names: readonly string[]): HttpsError {
  return new HttpsError(
    'ERR_HTTPS_REVOKED',
    `the CA has revoked the certificate of ${names.join(', ')}, which is served on without an OCSP response`,
  );
}

function notStapled(names: readonly string[], cause: unknown): HttpsError {
  return new HttpsError(
    'ERR_HTTPS_NOT_STAPLED',
    `the certificate of ${names.join(', ')} is served without a new OCSP response: ${errorText(cause)}`,
    { cause },
  );
}
