import { type Clock, milliseconds, settledWithin } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import {
  CertificateStore,
  isLate,
  type MaintenanceResult,
  type ManagedCertificate,
} from '@acmex/orchestrator';
import { LRUCache } from 'lru-cache';
import { type CertificateStatus, notRenewed, statusOf } from './certificate-status.ts';
import { Contexts, type ServedCertificate } from './contexts.ts';
import { HttpsError } from './errors.ts';
import { failureReports } from './failure-reports.ts';
import { followEvents } from './follow-events.ts';
import type { Issuance, IssuanceOptions } from './issuance.ts';

/** How long a client that asks for a new name waits for its certificate. */
const longestWait = { seconds: 60 };
/** How soon a certificate is declared again where that has failed, as while the storage is away. */
const pause = { seconds: 10 };
/** How soon a certificate whose key is damaged is ordered once more. */
const dayMs = 86_400_000;

export interface CertificatesOptions extends IssuanceOptions {
  /** Called with each certificate that is served from now on. */
  readonly onServed: (certificate: ServedCertificate) => void;
  /** Called with each certificate that comes into memory. */
  readonly onLoaded: (certificate: ServedCertificate) => void;
}

/** The certificates of a program: obtained and renewed here, or by a process with the same storage. */
export class Certificates implements AsyncDisposable {
  readonly #options: CertificatesOptions;
  /** What orders and renews; it is loaded when it is needed, because a start needs little of it. */
  #issuance: Promise<Issuance> | undefined;
  #declaring: Promise<void> | undefined;
  readonly #stop = new AbortController();
  readonly #certificates: CertificateStore;
  readonly #contexts: Contexts;
  #following: AsyncDisposable | undefined;
  /** Who waits for a certificate, by its id. */
  readonly #waiting = new Map<string, (error?: unknown) => void>();
  /** Certificates that were ordered because they are damaged. */
  readonly #orderedAgain = new LRUCache<string, true>({ max: 10_000, ttl: dayMs });
  readonly #report: (subject: string, error: unknown) => void;

  constructor(options: CertificatesOptions) {
    this.#options = options;
    const { storage, clock, onError, onLoaded } = options;
    this.#report = failureReports(onError);
    this.#certificates = new CertificateStore({ storage, clock });
    this.#contexts = new Contexts(this.#certificates, {
      onLoaded,
      onDamaged: (certificate, error) => {
        this.#report(certificate.id, error);
        void this.#orderAgain(certificate).catch(onError);
      },
    });
  }

  /**
   * Begins to order and renew certificates of these names and those in the storage, and to serve what
   * other processes obtain. What that takes is loaded after the program has begun to listen. A
   * failure is reported, and tried again.
   */
  keep(lists: readonly (readonly string[])[]): void {
    const { storage, clock, onError } = this.#options;
    this.#following = followEvents(storage, {
      clock,
      onError,
      onChanged: async (id) => await this.#changed(id),
      onExpiring: async (id) => await this.reportExpiry(id),
      onRecheck: async () => await this.#recheck(),
    });
    this.#declaring = this.#keepAll(lists);
  }

  async #keepAll(lists: readonly (readonly string[])[]): Promise<void> {
    const { clock, onError } = this.#options;
    const { signal } = this.#stop;
    // The program listens in this turn of the event loop.
    await new Promise(setImmediate);
    for (let left = lists; !signal.aborted;) {
      try {
        await this.#issue();
        left = await this.#declareEach(left);
        if (left.length === 0) return;
      } catch (error) {
        onError(error);
      }
      await clock.sleep(pause, { signal }).catch(() => undefined);
    }
  }

  /** Declares certificates, and returns those where that has failed, which is reported. */
  async #declareEach(lists: readonly (readonly string[])[]): Promise<(readonly string[])[]> {
    const failed = [];
    for (const names of lists)
      try {
        await this.#declare(names);
      } catch (error) {
        this.#report(names.join(), error);
        failed.push(names);
      }
    return failed;
  }

  /**
   * Makes sure that a certificate for names exists or is ordered. A valid one does not change.
   */
  async #declare(names: readonly string[]): Promise<ManagedCertificate> {
    const { manager, worker, issuers } = await this.#issue();
    const [issuer, ...fallbackIssuers] = issuers;
    const [keyType, secondKeyType] = this.#options.settings.keyTypes ?? ['ec-p256'];
    const { certificate } = await manager.provisioner.declare({
      ...{ names, issuer, fallbackIssuers, keyType, secondKeyType },
    });
    worker.wake();
    return certificate;
  }

  /** Returns the certificate in use for a name, if it is in memory. */
  inMemory(name: string): ServedCertificate | undefined {
    return this.#contexts.inMemory(name);
  }

  /**
   * Returns the certificate in use for a name; undefined where there is none.
   * @throws what the storage throws, after it is reported
   */
  async find(name: string): Promise<ServedCertificate | undefined> {
    try {
      return await this.#contexts.find(name);
    } catch (error) {
      this.#report('storage', error);
      throw error;
    }
  }

  /** Returns the status of each certificate of the storage, in the order of their creation. */
  async status(): Promise<readonly CertificateStatus[]> {
    const status = [];
    for await (const certificate of this.#certificates.list())
      status.push(statusOf(certificate, this.#options.clock));
    return status;
  }

  /** Reports a certificate that is not renewed in time; not one that was renewed by now. */
  async reportExpiry(id: string): Promise<void> {
    const { clock, onError } = this.#options;
    const certificate = await this.#certificates.find(id);
    if (!certificate?.current) return;
    const status = statusOf(certificate, clock);
    if (status.state === 'expired' || isLate(certificate, clock))
      onError(notRenewed(status, clock));
  }

  /**
   * Obtains a certificate for one name, and waits until it is issued or its order has failed.
   * @throws HttpsError `ERR_HTTPS_TIMEOUT` when that takes too long, `ERR_HTTPS_NOT_ISSUED` when the
   * next attempt is too far away; what the order fails with
   */
  async obtain(name: string): Promise<void> {
    const { id, failure } = await this.#declare([name]);
    const issued = new Promise<void>((resolve, reject) => {
      this.#waiting.set(id, (error) => {
        if (error === undefined) resolve();
        else reject(error as Error);
      });
    });
    // Who waits may have left.
    issued.catch(() => undefined);
    try {
      // It may be issued by now.
      if (await this.#contexts.reload(id)) return;
      const { clock } = this.#options;
      // Who waits for it takes the place of another name.
      if (failure && isFarAway(failure.retryAt, clock)) throw notIssued(name, failure);
      if (await settledWithin(longestWait, [issued], clock)) return await issued;
      throw new HttpsError(
        'ERR_HTTPS_TIMEOUT',
        `the certificate of ${name} is not issued within ${longestWait.seconds} seconds`,
      );
    } finally {
      this.#waiting.delete(id);
    }
  }

  async #changed(id: string): Promise<void> {
    const served = await this.#contexts.reload(id);
    if (!served) return;
    this.#options.onServed(served);
    this.#waiting.get(id)?.();
  }

  /** Finds what no event has said. */
  async #recheck(): Promise<void> {
    for (const served of await this.#contexts.recheck()) this.#options.onServed(served);
  }

  /** Orders a certificate whose chain or key is damaged, once, unless another process has done it. */
  async #orderAgain({ id, current }: ManagedCertificate): Promise<void> {
    if (this.#orderedAgain.has(id)) return;
    this.#orderedAgain.set(id, true);
    const { manager, worker } = await this.#issue();
    await manager.provisioner.submitIf(id, (latest) =>
      latest.current?.generation === current?.generation ? { cause: 'request' } : undefined,
    );
    worker.wake();
  }

  async #maintained(id: string, { outcome }: MaintenanceResult): Promise<void> {
    if (outcome?.state === 'succeeded' && this.#waiting.has(id)) {
      // The event of it would be read up to half a second later.
      await this.#contexts.reload(id);
      this.#waiting.get(id)?.();
    }
    if (outcome?.state !== 'failed') return;
    const { error } = outcome;
    if (errorCode(error) === 'ERR_CLIENT_VALIDATION_FAILED')
      await (await this.#issue()).changeChallenge(id);
    this.#options.onError(error);
    this.#waiting.get(id)?.(error);
  }

  async #issue(): Promise<Issuance> {
    const { onError } = this.#options;
    this.#issuance ??= import('./issuance.ts').then(({ startIssuance }) =>
      startIssuance(
        this.#options,
        (id, result) => void this.#maintained(id, result).catch(onError),
      ),
    );
    return await this.#issuance;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following?.[Symbol.asyncDispose]();
    await this.#declaring;
    await (await this.#issuance)?.worker.stop({ within: { seconds: 0 } });
  }
}

function isFarAway(retryAt: string, clock: Clock): boolean {
  return Date.parse(retryAt) - clock.now().epochMilliseconds > milliseconds(longestWait);
}

function notIssued(
  name: string,
  { retryAt, message }: NonNullable<ManagedCertificate['failure']>,
): HttpsError {
  return new HttpsError(
    'ERR_HTTPS_NOT_ISSUED',
    `the order of the certificate of ${name} has failed, and is tried again at ${retryAt}: ${message}`,
  );
}
