import { type Clock, systemClock } from '@acmex/clock';
import { acquireLock, errorCode, type Storage } from '@acmex/storage';
import { type CertificateSummary, dueAt, type Failure, type Generation, isDue, summaryChanges } from './certificate-record.ts';
import type { ManagedCertificate } from './certificate-store.ts';
import { eventChange, type EventType } from './events.ts';
import type { Outcome } from './execution.ts';
import { failureOf } from './failure.ts';
import type { RenewalInfo } from './issuer.ts';
import type { Provisioner } from './provisioner.ts';
import { randomOf, renewalTime, retryTime } from './renewal-time.ts';
import { Temporal } from 'temporal-polyfill';

/** Puts a certificate where it is used. It can be repeated. */
export interface Deployer {
  deploy(certificate: ManagedCertificate, generation: Generation, options: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

export interface UpkeepOptions {
  readonly storage: Storage;
  readonly provisioner: Provisioner;
  readonly deployer?: Deployer | undefined;
  readonly clock?: Clock | undefined;
}

/** What was done for a certificate. */
export interface Tended {
  readonly certificate: string;
  /** The order that was executed, and how that ended. */
  readonly order?: string | undefined;
  readonly outcome?: Outcome | undefined;
  readonly deployed?: 'done' | 'failed' | undefined;
  readonly deployError?: unknown;
  /** When there is next something to do; absent for never. RFC 3339 */
  readonly again?: string | undefined;
}

/** How often a CA is asked for the window of a short-lived certificate, which is one of less than ten days. RFC 9773 §4.3 */
const [oftenForShort, often, shortLived] = [3_600_000, 6 * 3_600_000, 10 * 86_400_000];

/** Keeps certificates current: what is due for one is decided from its record, the certificate and the CA's window, and nothing else. */
export class Upkeep {
  readonly #storage: Storage;
  readonly #provisioner: Provisioner;
  readonly #deployer: Deployer | undefined;
  readonly #clock: Clock;

  constructor({ storage, provisioner, deployer, clock = systemClock }: UpkeepOptions) {
    this.#storage = storage;
    this.#provisioner = provisioner;
    this.#deployer = deployer;
    this.#clock = clock;
  }

  /**
   * Does all that is due for a certificate: goes on with an order, asks the CA for its window, renews, deploys. Safe at any time,
   * repeated, and by several processes at once. A certificate that is gone or paused: nothing.
   * @param force `deploy`: tries what failed again though its time has not come; `renewal`: renews also what is not due, and deploys
   */
  async tend(id: string, { signal, force }: { readonly signal?: AbortSignal | undefined; readonly force?: 'renewal' | 'deploy' | undefined } = {}): Promise<Tended> {
    const before = await this.#provisioner.certificates.find(id);
    if (!before || before.paused) return { certificate: id };
    await this.#tellExpiry(before);
    await this.#askForWindow(before, signal);
    const order = await this.#orderFor(id, force === 'renewal');
    const outcome = order === undefined ? undefined : await this.#provisioner.execute(order, { signal });
    const deployed = await this.#deploy(id, { signal, now: force !== undefined });
    const after = await this.#provisioner.certificates.find(id);
    return { certificate: id, ...(order === undefined ? {} : { order, outcome }), ...deployed, ...(after ? { again: dueAt(after) } : {}) };
  }

  async #orderFor(id: string, force: boolean): Promise<string | undefined> {
    const found = await this.#provisioner.certificates.find(id);
    if (!found || found.paused) return undefined;
    const now = this.#clock.now();
    const { order, renewal, failure, current } = found;
    if (order !== undefined) return force || isDue(failure?.retryAt ?? found.createdAt, now) ? order : undefined;
    const due = isDue(renewal?.at, now) && (failure === undefined || isDue(failure.retryAt, now));
    if (!due && !force && current) return undefined;
    if (!current && failure && !isDue(failure.retryAt, now) && !force) return undefined;
    const suggested = renewal?.window !== undefined && due;
    return await this.#provisioner.submit({ certificate: id, cause: force ? 'request' : !current ? 'obtain' : suggested ? 'suggested' : 'renewal', explanationUrl: suggested ? renewal.explanationUrl : undefined });
  }

  /** Once for a certificate. */
  async #tellExpiry({ id, current, expiredTold }: ManagedCertificate): Promise<void> {
    if (!current || expiredTold || !isDue(current.notAfter, this.#clock.now())) return;
    await this.#provisioner.certificates.change(id, (summary) => ({ ...summary, expiredTold: true }), 'certificate_expired');
  }

  /** A window that cannot be had changes nothing: the plan that there is stays, and the CA is asked again later. */
  async #askForWindow({ id, issuer, renewal, current, order }: ManagedCertificate, signal: AbortSignal | undefined): Promise<void> {
    if (!current || order !== undefined || !isDue(renewal?.askAt, this.#clock.now())) return;
    const chain = (await this.#provisioner.certificates.generation(id, current.generation))?.chain;
    if (chain === undefined) return;
    const info = await this.#windowOf(issuer, chain, signal).catch((error: unknown) => {
      signal?.throwIfAborted();
      return { failed: failureOf(error) };
    });
    await this.#provisioner.certificates.change(id, (summary) => ({ ...summary, renewal: this.#plan(summary, info) }));
  }

  async #windowOf(issuer: string, chain: string, signal: AbortSignal | undefined): Promise<RenewalInfo | undefined> {
    return await (await this.#provisioner.issuer(issuer)).renewalInfo?.(chain, { signal });
  }

  #plan(summary: CertificateSummary, info: RenewalInfo | { readonly failed: unknown } | undefined): CertificateSummary['renewal'] {
    const { current, renewal, renewBefore } = summary;
    if (!current || !renewal || info === undefined) return renewal && { ...renewal, askAt: undefined };
    const now = this.#clock.now().epochMilliseconds;
    const lifetime = Date.parse(current.notAfter) - Date.parse(current.notBefore);
    const pause = Math.min(lifetime < shortLived ? oftenForShort : often, lifetime / 20);
    if ('failed' in info) return { ...renewal, askAt: iso(now + pause) };
    const { window: { start, end }, explanationUrl, askAgainAt } = info;
    const at = renewalTime(validityOf(current), { window: { start, end }, renewBefore, random: randomOf(current.serialNumber) });
    const askAt = iso(Math.max(now + 1000, Math.min(askAgainAt.epochMilliseconds, now + pause)));
    // A window that is over before anybody could have renewed would go on so for ever: each new certificate due at once.
    const young = now - Date.parse(current.issuedAt) < lifetime / 20;
    if (young && at.epochMilliseconds <= now && current.generation > 1) return { ...renewal, askAt, window: { start: start.toString(), end: end.toString() }, explanationUrl };
    return { at: at.toString(), window: { start: start.toString(), end: end.toString() }, explanationUrl, askAt };
  }

  async #deploy(id: string, { signal, now }: { readonly signal: AbortSignal | undefined; readonly now: boolean }): Promise<Pick<Tended, 'deployed' | 'deployError'>> {
    const waits = ({ current, deploy = [], deployed, deployFailure }: CertificateSummary) => current !== undefined && deploy.length > 0 && deployed !== current.generation && (now || !deployFailure || isDue(deployFailure.retryAt, this.#clock.now()));
    const found = await this.#provisioner.certificates.find(id);
    if (!this.#deployer || !found || found.paused || !waits(found)) return {};
    await using lock = await acquireLock(this.#storage, `certificate/${id}`, { signal, clock: this.#clock });
    const certificate = await this.#provisioner.certificates.find(id);
    const { generation = 0 } = certificate?.current ?? {};
    const content = certificate && waits(certificate) ? await this.#provisioner.certificates.generation(id, generation) : undefined;
    if (!certificate || !content) return {};
    try {
      await this.#deployer.deploy(certificate, content, { signal: signal ? AbortSignal.any([signal, lock.signal]) : lock.signal });
    } catch (error) {
      if (signal?.aborted || lock.signal.aborted) throw error;
      await this.#told(id, 'deployment_failed', (summary) => ({ ...summary, deployFailure: this.#deployFailure(summary, error) }), error);
      return { deployed: 'failed', deployError: error };
    }
    await this.#told(id, 'certificate_deployed', (summary) => ({ ...summary, deployed: generation, deployFailure: undefined }));
    return { deployed: 'done' };
  }

  /** A deploy is tried again without ordering again, from a minute to an hour. */
  #deployFailure({ deployFailure, current }: CertificateSummary, error: unknown): Failure {
    const { code, message } = failureOf(error);
    const now = this.#clock.now();
    const failures = (deployFailure?.failures ?? 0) + 1;
    const retryAt = retryTime({ failures, lifetime: { hours: 10 }, now, random: randomOf(`${current?.serialNumber} ${failures}`) }).toString();
    return { code, message, at: now.toString(), failures, retryAt };
  }

  async #told(id: string, type: EventType, to: (summary: CertificateSummary) => CertificateSummary, error?: unknown): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const stored = await this.#provisioner.certificates.stored(id);
      const { names, issuer } = stored.record;
      const { code, message } = error === undefined ? {} : failureOf(error);
      try {
        await this.#storage.write([...summaryChanges(id, stored, to(stored.record)), eventChange({ type, certificate: id, names, issuer, code, message }, this.#clock)]);
        return;
      } catch (failure) {
        if (errorCode(failure) !== 'ERR_STORAGE_CONFLICT' || attempt === 20) throw failure;
      }
    }
  }
}

function validityOf({ notBefore, notAfter }: { readonly notBefore: string; readonly notAfter: string }) {
  return { notBefore: Temporal.Instant.from(notBefore), notAfter: Temporal.Instant.from(notAfter) };
}

const iso = (milliseconds: number) => new Date(milliseconds).toISOString();
