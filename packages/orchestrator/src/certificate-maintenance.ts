import { type Clock, milliseconds, systemClock } from '@acmex/clock';
import { records, type Storage } from '@acmex/storage';
import {
  type CertificateSummary,
  dueAt,
  isDue,
  isOutdated,
  type ManagedCertificate,
} from './certificate-record.ts';
import { type Deployed, type Deployer, Deployment } from './deployment.ts';
import type { Outcome } from './execution.ts';
import { failureOf } from './failure.ts';
import type { RenewalInfo } from './issuer.ts';
import type { Provisioner, Submission } from './provisioner.ts';
import { randomOf, renewalTime } from './renewal-time.ts';
import { Temporal } from 'temporal-polyfill';

export interface CertificateMaintenanceOptions {
  readonly storage: Storage;
  readonly provisioner: Provisioner;
  readonly deployer?: Deployer | undefined;
  readonly clock?: Clock | undefined;
}

/** What was done for a certificate. */
export interface MaintenanceResult {
  readonly certificate: string;
  /** The order that was executed, and how that ended. */
  readonly order?: string | undefined;
  readonly outcome?: Outcome | undefined;
  /** `placed`: `finish` will tell how it ended. */
  readonly deployed?: Deployed['deployed'] | undefined;
  readonly deployError?: unknown;
  /** When there is next something to do; absent for never. RFC 3339 */
  readonly again?: string | undefined;
}

/** What plans were made by. */
const policies = records<{ readonly renewBefore?: string | undefined }>({
  kind: 'renewal policy',
  version: 1,
  under: 'policy',
});

/** How often a CA is asked for the window of a short-lived certificate, which is one of less than ten days. RFC 9773 §4.3 */
const [oftenForShort, often, shortLived] = [3_600_000, 6 * 3_600_000, 10 * 86_400_000];

/** Keeps certificates current: what is due for one is decided from its record, the certificate and the CA's window, and nothing else. */
export class CertificateMaintenance {
  readonly #storage: Storage;
  readonly #provisioner: Provisioner;
  readonly #deployment: Deployment | undefined;
  readonly #clock: Clock;

  constructor({
    storage,
    provisioner,
    deployer,
    clock = systemClock,
  }: CertificateMaintenanceOptions) {
    this.#storage = storage;
    this.#provisioner = provisioner;
    this.#clock = clock;
    this.#deployment =
      deployer &&
      new Deployment({ storage, certificates: provisioner.certificates, deployer, clock });
  }

  /**
   * Does all that is due for a certificate: goes on with an order, asks the CA for its window, renews, deploys. Safe at any time,
   * repeated, and by several processes at once. A certificate that is gone or paused: nothing.
   * @param force `deploy`: tries what failed again though its time has not come; `renewal`: renews also what is not due, and deploys
   */
  async maintain(
    id: string,
    {
      signal,
      force,
    }: {
      readonly signal?: AbortSignal | undefined;
      readonly force?: 'renewal' | 'deploy' | undefined;
    } = {},
  ): Promise<MaintenanceResult> {
    const before = await this.#provisioner.certificates.find(id);
    if (!before || before.paused) return { certificate: id };
    await this.#tellExpiry(before);
    await this.#askForWindow(before, signal);
    const order = await this.#orderFor(id, force === 'renewal');
    const outcome =
      order === undefined ? undefined : await this.#provisioner.execute(order, { signal });
    const deployed = await this.#deployment?.place(id, { signal, now: force !== undefined });
    const after = await this.#provisioner.certificates.find(id);
    return {
      ...deployed,
      certificate: id,
      ...(order === undefined ? {} : { order, outcome }),
      ...(after ? { again: dueAt(after) } : {}),
    };
  }

  /** How many certificates were placed in this process and wait for `finish`. */
  get placed(): number {
    return this.#deployment?.waiting ?? 0;
  }

  /** Ends a run: does what is due once for all certificates that were placed since the last, and looks at each where it is used. */
  async finish(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly Deployed[]> {
    return (await this.#deployment?.finish(options)) ?? [];
  }

  /**
   * Brings every plan into accord with the provisioner's `renewBefore`, where another was in force when they were made. To be called
   * once at the start; it costs nothing where nothing has changed.
   */
  async replan({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { renewBefore = null } = this.#provisioner;
    const before = (await policies.read(this.#storage, 'renewal'))?.record.renewBefore ?? null;
    const wanted =
      renewBefore === null ? null : `PT${Math.round(milliseconds(renewBefore) / 1000)}S`;
    if (before === wanted) return;
    for await (const {
      id,
      current,
      renewal,
      renewBefore: own,
    } of this.#provisioner.certificates.list({ signal })) {
      if (current && renewal && own === undefined)
        await this.#provisioner.certificates.change(id, (summary) => ({
          ...summary,
          renewal: this.#again(summary),
        }));
    }
    await this.#storage.write([policies.put('renewal', { renewBefore: wanted ?? undefined })]);
  }

  #again({ current, renewal }: CertificateSummary): CertificateSummary['renewal'] {
    const { renewBefore } = this.#provisioner;
    if (!current || !renewal) return renewal;
    const window = renewal.window && {
      start: Temporal.Instant.from(renewal.window.start),
      end: Temporal.Instant.from(renewal.window.end),
    };
    return {
      ...renewal,
      at: renewalTime(validityOf(current), {
        window,
        renewBefore,
        random: randomOf(current.serialNumber),
      }).toString(),
    };
  }

  async #orderFor(id: string, force: boolean): Promise<string | undefined> {
    const found = await this.#provisioner.certificates.find(id);
    if (!found || found.paused) return undefined;
    const { order, failure } = found;
    if (order !== undefined)
      return force ||
        isDue(failure?.retryAt ?? found.orderedAt ?? found.createdAt, this.#clock.now())
        ? order
        : undefined;
    return (
      this.#wanted(found, force) &&
      (await this.#provisioner.submitIf(id, (now) => this.#wanted(now, force)))
    );
  }

  #wanted(
    summary: CertificateSummary,
    force: boolean,
  ): Omit<Submission, 'certificate'> | undefined {
    const { paused, renewal, failure, current } = summary;
    const now = this.#clock.now();
    if (paused) return undefined;
    const mayTry = failure === undefined || isDue(failure.retryAt, now);
    if (isOutdated(summary) && mayTry) return { cause: 'request' };
    const due = isDue(renewal?.at, now) && mayTry;
    if (!due && !force && current) return undefined;
    if (!current && failure && !isDue(failure.retryAt, now) && !force) return undefined;
    const suggested = renewal?.window !== undefined && due;
    return {
      cause: force ? 'request' : !current ? 'obtain' : suggested ? 'suggested' : 'renewal',
      explanationUrl: suggested ? renewal.explanationUrl : undefined,
    };
  }

  /** Once for a certificate. */
  async #tellExpiry({ id, current, expiredTold }: ManagedCertificate): Promise<void> {
    if (!current || expiredTold || !isDue(current.notAfter, this.#clock.now())) return;
    const untold = (summary: CertificateSummary) =>
      !summary.expiredTold &&
      summary.current !== undefined &&
      isDue(summary.current.notAfter, this.#clock.now());
    await this.#provisioner.certificates.change(
      id,
      (summary) => (untold(summary) ? { ...summary, expiredTold: true } : summary),
      { type: 'certificate_expired' },
    );
  }

  /**
   * A window that cannot be had changes nothing: the plan that there is stays, and the CA is asked again later. Nor does one of a
   * certificate that another process has renewed meanwhile.
   */
  async #askForWindow(
    { id, issuer, renewal, current, order }: ManagedCertificate,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (!current || order !== undefined || !isDue(renewal?.askAt, this.#clock.now())) return;
    const chain = (await this.#provisioner.certificates.generation(id, current.generation))?.chain;
    if (chain === undefined) return;
    const info = await this.#windowOf(issuer, chain, signal).catch((error: unknown) => {
      signal?.throwIfAborted();
      return { failed: failureOf(error) };
    });
    const now = this.#clock.now();
    let before: CertificateSummary['renewal'];
    const planned = (summary: CertificateSummary) => {
      before = summary.renewal;
      return summary.current?.generation === current.generation
        ? { ...summary, renewal: this.#plan(summary, info) }
        : summary;
    };
    await this.#provisioner.certificates.change(id, planned, ({ renewal: next }) =>
      isDue(before?.at, now) && !isDue(next?.at, now)
        ? {
            type: 'renewal_skipped',
            message: `the CA has moved its window: not before ${next?.at}`,
          }
        : undefined,
    );
  }

  async #windowOf(
    issuer: string,
    chain: string,
    signal: AbortSignal | undefined,
  ): Promise<RenewalInfo | undefined> {
    return await (await this.#provisioner.issuer(issuer)).renewalInfo?.(chain, { signal });
  }

  #plan(
    summary: CertificateSummary,
    info: RenewalInfo | { readonly failed: unknown } | undefined,
  ): CertificateSummary['renewal'] {
    const { current, renewal } = summary;
    const renewBefore = summary.renewBefore ?? this.#provisioner.renewBefore;
    if (!current || !renewal || info === undefined)
      return renewal && { ...renewal, askAt: undefined };
    const now = this.#clock.now().epochMilliseconds;
    const lifetime = Date.parse(current.notAfter) - Date.parse(current.notBefore);
    const pause = Math.min(lifetime < shortLived ? oftenForShort : often, lifetime / 20);
    if ('failed' in info) return { ...renewal, askAt: iso(now + pause) };
    const {
      window: { start, end },
      explanationUrl,
      askAgainAt,
    } = info;
    const at = renewalTime(validityOf(current), {
      window: { start, end },
      renewBefore,
      random: randomOf(current.serialNumber),
    });
    const askAt = iso(Math.max(now + 1000, Math.min(askAgainAt.epochMilliseconds, now + pause)));
    // A window that is over before anybody could have renewed would go on so for ever: each new certificate due at once.
    const young = now - Date.parse(current.issuedAt) < lifetime / 20;
    if (young && at.epochMilliseconds <= now && current.generation > 1)
      return {
        ...renewal,
        askAt,
        window: { start: start.toString(), end: end.toString() },
        explanationUrl,
      };
    return {
      at: at.toString(),
      window: { start: start.toString(), end: end.toString() },
      explanationUrl,
      askAt,
    };
  }
}

function validityOf({
  notBefore,
  notAfter,
}: {
  readonly notBefore: string;
  readonly notAfter: string;
}) {
  return { notBefore: Temporal.Instant.from(notBefore), notAfter: Temporal.Instant.from(notAfter) };
}

const iso = (milliseconds: number) => new Date(milliseconds).toISOString();
