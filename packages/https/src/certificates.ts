import { type Clock, settledWithin } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import {
  certificateManager,
  type CertificateManager,
  type ChallengeConfig,
  resolveChallenge,
  serializeChallenge,
  singleDnsProvider,
  storedResponses,
  type Worker,
  worker,
} from '@acmex/manager';
import { isLate, type MaintenanceResult } from '@acmex/orchestrator';
import { inProcessQueue } from '@acmex/scheduler';
import type { Storage } from '@acmex/storage';
import { type CertificateStatus, notRenewed, statusOf } from './certificate-status.ts';
import { Contexts, type ServedCertificate } from './contexts.ts';
import { HttpsError } from './errors.ts';
import { followEvents } from './follow-events.ts';
import { authority, authorityName, type AutocertOptions, type Place } from './options.ts';
import { portSolver } from './solvers.ts';

/** How long a client that asks for a new name waits for its certificate. */
const longestWait = { seconds: 60 };
const challengeOfPort = ['tls-alpn-01', 'http-01'] as const;

export interface CertificatesOptions {
  readonly settings: AutocertOptions;
  readonly storage: Storage;
  readonly place: Place;
  readonly clock: Clock;
  /** Called with each certificate that is served from now on. */
  readonly onServed: (certificate: ServedCertificate) => void;
  readonly onError: (error: unknown) => void;
}

/** The certificates of a program: obtained and renewed here, or by a process with the same storage. */
export class Certificates implements AsyncDisposable {
  readonly #options: CertificatesOptions;
  readonly #manager: CertificateManager;
  readonly #worker: Worker;
  readonly #contexts: Contexts;
  readonly #following: AsyncDisposable;
  /** Who waits for a certificate, by its id. */
  readonly #waiting = new Map<string, (error?: unknown) => void>();

  constructor(options: CertificatesOptions) {
    this.#options = options;
    const { storage, clock, onError } = options;
    this.#manager = managerFor(options);
    this.#contexts = new Contexts(this.#manager.provisioner.certificates);
    const managers = new Map([['', this.#manager]]);
    this.#worker = worker({
      managers: () => managers,
      queue: inProcessQueue({ clock }),
      concurrency: 5,
      clock,
      onMaintained: (id, result) => void this.#maintained(id, result).catch(onError),
      onError: (_, error) => onError(error),
    });
    this.#following = followEvents(storage, {
      clock,
      onError,
      onChanged: async (id) => await this.#changed(id),
      onExpiring: async (id) => await this.reportExpiry(id),
    });
  }

  /**
   * Makes sure that a certificate for names exists or is ordered. A valid one does not change.
   * @returns its id
   */
  async declare(names: readonly string[]): Promise<string> {
    const [keyType, secondKeyType] = this.#options.settings.keyTypes ?? ['ec-p256'];
    const { certificate } = await this.#manager.provisioner.declare({
      ...{ names, issuer: authorityName, keyType, secondKeyType },
    });
    this.#worker.wake();
    return certificate.id;
  }

  /** Returns the certificate in use for a name; undefined where there is none. */
  async find(name: string): Promise<ServedCertificate | undefined> {
    return await this.#contexts.find(name);
  }

  /** Returns the status of each certificate of the storage, in the order of their creation. */
  async status(): Promise<readonly CertificateStatus[]> {
    const status = [];
    for await (const certificate of this.#manager.provisioner.certificates.list())
      status.push(statusOf(certificate, this.#options.clock));
    return status;
  }

  /** Reports a certificate that is not renewed in time; not one that was renewed by now. */
  async reportExpiry(id: string): Promise<void> {
    const { clock, onError } = this.#options;
    const certificate = await this.#manager.provisioner.certificates.find(id);
    if (!certificate?.current) return;
    const status = statusOf(certificate, clock);
    if (status.state === 'expired' || isLate(certificate, clock))
      onError(notRenewed(status, clock));
  }

  /**
   * Obtains a certificate for one name, and waits until it is issued or its order has failed.
   * @throws HttpsError `ERR_HTTPS_TIMEOUT` when that takes too long; what the order fails with
   */
  async obtain(name: string): Promise<void> {
    const id = await this.declare([name]);
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
      if (await settledWithin(longestWait, [issued], this.#options.clock)) return await issued;
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

  async #maintained(id: string, { outcome }: MaintenanceResult): Promise<void> {
    if (outcome?.state !== 'failed') return;
    const { error } = outcome;
    if (errorCode(error) === 'ERR_CLIENT_VALIDATION_FAILED') await this.#changeChallenge(id);
    this.#options.onError(error);
    this.#waiting.get(id)?.(error);
  }

  /** Validates by the other port the next time: a proxy or a firewall may let only one through. */
  async #changeChallenge(id: string): Promise<void> {
    await this.#manager.provisioner.change(id, ({ proof }) => {
      const { challenge } = resolveChallenge(proof, this.#manager.challenge);
      const next = challengeOfPort.find((type) => type !== challenge);
      const isOfPort = challengeOfPort.some((type) => type === challenge);
      return isOfPort && next ? { proof: serializeChallenge({ challenge: next }) } : {};
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#following[Symbol.asyncDispose]();
    await this.#worker.stop({ within: { seconds: 0 } });
  }
}

function managerFor({ settings, storage, place, clock }: CertificatesOptions): CertificateManager {
  const { dnsProvider, fetch } = settings;
  const challenge: ChallengeConfig = {
    challenge: dnsProvider ? 'dns-01' : challengeOfPort[0],
    tlsPort: place.https,
    httpPort: place.http,
  };
  return certificateManager({
    storage,
    clock,
    challenge,
    issuers: [authority(settings)],
    solver: ({ challenge: type }) =>
      type === 'tls-alpn-01' || type === 'http-01'
        ? portSolver(type, { shared: (of) => storedResponses(storage, of), place, clock })
        : undefined,
    ...(dnsProvider ? { dnsProviders: singleDnsProvider(dnsProvider) } : {}),
    ...(fetch ? { fetch: () => fetch } : {}),
    userAgent: 'acmex-https',
  });
}
