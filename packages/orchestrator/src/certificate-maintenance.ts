import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import { records, schemaCheck, type Storage } from '@acmex/storage';
import { Breakers } from './breaker.ts';
import {
  type CertificateSummary,
  dueAt,
  isDue,
  isOutdated,
  orderDueAt,
  type ManagedCertificate,
  presentIssuer,
  readableGeneration,
  type RenewalPlan,
} from './certificate-record.ts';
import { type Deployed, type Deployer, Deployment } from './deployment.ts';
import type { Outcome } from './order-end.ts';
import { expiryOf } from './expiry.ts';
import { failureOf } from './failure.ts';
import type { Provisioner, Submission } from './provisioner.ts';
import {
  checkRevocationIfDue,
  type RevocationSource,
  withRevocationChecks,
} from './revocation-check.ts';
import { chainsInUse } from './key-pair.ts';
import { texts } from './record-fields.ts';
import {
  isRenewal,
  renewableAt,
  renewalPlanAfterAll,
  renewalPlanWith,
  type WindowAnswer,
} from './renewal-plan.ts';
import { policyOf } from './renewal-time.ts';
import * as z from 'zod';

export interface CertificateMaintenanceOptions {
  readonly storage: Storage;
  readonly provisioner: Provisioner;
  readonly deployer?: Deployer | undefined;
  /** Finds out whether certificates are revoked, as often as the provisioner says. */
  readonly revocation?: RevocationSource | undefined;
  readonly clock?: Clock | undefined;
}

/** What was done for a certificate. */
export interface MaintenanceResult {
  readonly certificate: string;
  /** The order that was executed, and its outcome. */
  readonly order?: string | undefined;
  readonly outcome?: Outcome | undefined;
  /** `placed`: `finish` returns how it ended. */
  readonly deployed?: Deployed['deployed'] | undefined;
  readonly deployError?: unknown;
  /** When something is due next, RFC 3339; absent for never. */
  readonly again?: string | undefined;
}

/** The policy by which the stored renewal plans were made. */
const policies = records<{
  readonly renewBefore?: string | undefined;
  readonly maintenanceWindows?: readonly string[] | undefined;
  readonly checkRevocationEvery?: string | undefined;
}>({
  kind: 'renewal policy',
  version: 1,
  check: schemaCheck(
    z.looseObject({
      renewBefore: z.string().optional(),
      maintenanceWindows: texts.optional(),
      checkRevocationEvery: z.string().optional(),
    }),
  ),
  under: 'policy',
});

/**
 * Keeps certificates current. Only a certificate's record, the certificate itself and the CA's
 * window decide what is due.
 */
export class CertificateMaintenance {
  readonly #storage: Storage;
  readonly #provisioner: Provisioner;
  readonly #deployment: Deployment | undefined;
  readonly #revocation: RevocationSource | undefined;
  readonly #clock: Clock;
  readonly #breakers: Breakers;

  constructor({
    storage,
    provisioner,
    deployer,
    revocation,
    clock = systemClock,
  }: CertificateMaintenanceOptions) {
    this.#revocation = revocation;
    this.#storage = storage;
    this.#provisioner = provisioner;
    this.#clock = clock;
    this.#breakers = new Breakers({ storage, clock });
    this.#deployment =
      deployer &&
      new Deployment({
        storage,
        certificates: provisioner.certificates,
        deployer,
        lease: provisioner.lease,
        clock,
      });
  }

  /**
   * Does everything that is due for a certificate: continues its order, asks the CA for its window,
   * renews and deploys. It is safe to repeat, at any time and in several processes at once. Does
   * nothing for a certificate that is paused or was removed.
   * @param force `deploy`: retries a failed deployment before its time; `renewal`: also renews what
   * is not due, and deploys
   * @param ask `now`: asks the CA for its window even before the time that it has named, because a
   * person wants to know
   */
  async maintain(
    id: string,
    {
      signal,
      force,
      ask = 'when-due',
    }: {
      readonly signal?: AbortSignal | undefined;
      readonly force?: 'renewal' | 'deploy' | undefined;
      readonly ask?: 'when-due' | 'now' | undefined;
    } = {},
  ): Promise<MaintenanceResult> {
    const before = await this.#provisioner.certificates.find(id);
    if (!before || before.paused) return { certificate: id };
    await this.#reportExpiry(before);
    if (ask === 'now' || isDue(before.renewal?.askAt, this.#clock.now()))
      await this.#askForWindow(before, signal);
    await checkRevocationIfDue(before, {
      certificates: this.#provisioner.certificates,
      source: this.#revocation,
      every: this.#provisioner.checkRevocationEvery,
      clock: this.#clock,
      signal,
    });
    const order = await this.#orderFor(id, force === 'renewal');
    const outcome =
      order === undefined
        ? undefined
        : await this.#provisioner.execute(order, { signal, isForced: force === 'renewal' });
    const deployed = await this.#deployment?.place(id, { signal, now: force !== undefined });
    const after = await this.#provisioner.certificates.find(id);
    return {
      ...deployed,
      certificate: id,
      ...(order === undefined ? {} : { order, outcome }),
      ...(after ? { again: dueAt(after) } : {}),
    };
  }

  /** How many certificates this process has placed that wait for `finish`. */
  get placed(): number {
    return this.#deployment?.waiting ?? 0;
  }

  /**
   * Ends a run: runs the tasks that are due once for all certificates placed since the last run,
   * and confirms each certificate.
   */
  async finish(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly Deployed[]> {
    return (await this.#deployment?.finish(options)) ?? [];
  }

  /**
   * Makes the plans again when the provisioner's `policy` or `checkRevocationEvery` has changed since
   * they were made. Call it once at the start; it reads one record when nothing has changed.
   * Certificates whose records cannot be read are left out: `maintain` reports them.
   */
  async replan({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const { certificates, checkRevocationEvery: every, policy } = this.#provisioner;
    const wanted = {
      renewBefore: policyText(policy.renewBefore),
      maintenanceWindows: policy.maintenanceWindows ?? [],
      checkRevocationEvery: policyText(every),
    };
    const before = (await policies.read(this.#storage, 'renewal'))?.record;
    const isTimeChanged = before?.renewBefore !== wanted.renewBefore;
    const areWindowsChanged =
      String(before?.maintenanceWindows ?? []) !== String(wanted.maintenanceWindows);
    const isCheckChanged = before?.checkRevocationEvery !== wanted.checkRevocationEvery;
    if (!isTimeChanged && !areWindowsChanged && !isCheckChanged) return;
    const instant = this.#clock.now();
    const now = instant.epochMilliseconds;
    await certificates.changeAll(
      (summary) => {
        const isReplanned =
          (isTimeChanged && summary.renewBefore === undefined) ||
          (areWindowsChanged && summary.maintenanceWindows === undefined);
        if (!summary.renewal || !(isReplanned || isCheckChanged)) return summary;
        const renewal = isReplanned
          ? renewalPlanWith({ ...policyOf(summary, policy), now: instant }, summary)
          : summary.renewal;
        const next = { ...summary, renewal };
        return isCheckChanged ? withRevocationChecks(next, { every, now }) : next;
      },
      { signal },
    );
    await this.#storage.write([policies.put('renewal', wanted)]);
  }

  async #orderFor(id: string, force: boolean): Promise<string | undefined> {
    const certificate = await this.#provisioner.certificates.find(id);
    if (!certificate || certificate.paused) return undefined;
    const { order } = certificate;
    if (order !== undefined)
      return force || isDue(orderDueAt(certificate), this.#clock.now()) ? order : undefined;
    const submission = this.#submission(certificate, force);
    if (!submission || (await this.#waitsForWindow(certificate, submission))) return undefined;
    return await this.#provisioner.submitIf(id, (latest) => this.#submission(latest, force));
  }

  /**
   * Moves the plan of a renewal that is due outside of its maintenance windows to the next one, unless
   * it is urgent. @returns whether it waits
   */
  async #waitsForWindow(
    certificate: ManagedCertificate,
    { cause, takesBack }: Pick<Submission, 'cause' | 'takesBack'>,
  ): Promise<boolean> {
    if (!isRenewal(cause)) return false;
    const { current } = certificate;
    const policy = policyOf(certificate, this.#provisioner.policy);
    const at = renewableAt(this.#clock.now(), certificate, policy).toString();
    if (isDue(at, this.#clock.now())) return false;
    if (takesBack) {
      await this.#provisioner.certificates.change(certificate.id, (summary) => ({
        ...summary,
        takeBack: summary.takeBack && { ...summary.takeBack, at },
      }));
      return true;
    }
    await this.#provisioner.certificates.change(
      certificate.id,
      (summary) =>
        summary.renewal && summary.current?.generation === current?.generation
          ? { ...summary, renewal: { ...summary.renewal, at } }
          : summary,
      {
        type: 'renewal_skipped',
        message: `it is not renewed outside of its maintenance windows: the renewal is now due at ${at}`,
      },
    );
    return true;
  }

  /** The order that is due for a certificate without one, if any. */
  #submission(
    summary: CertificateSummary,
    force: boolean,
  ): Omit<Submission, 'certificate'> | undefined {
    const { paused, renewal, failure, current } = summary;
    const now = this.#clock.now();
    if (paused) return undefined;
    const mayTry = failure === undefined || isDue(failure.retryAt, now);
    if (isOutdated(summary) && mayTry) return { cause: 'request' };
    const isRenewalDue = isDue(renewal?.at, now) && mayTry;
    const isSuggested = renewal?.window !== undefined && isRenewalDue;
    const explanationUrl = isSuggested ? renewal.explanationUrl : undefined;
    if (force) return { cause: 'request', explanationUrl };
    if (!current) return mayTry ? { cause: 'obtain' } : undefined;
    if (!isRenewalDue)
      return isDue(summary.takeBack?.at, now) && mayTry
        ? { cause: 'renewal', onFailure: 'end', takesBack: true }
        : undefined;
    if (renewal?.cause === 'revoked') return { cause: 'revoked' };
    return { cause: isSuggested ? 'suggested' : 'renewal', explanationUrl };
  }

  /** Writes the event once for each generation. */
  async #reportExpiry({ id, current, expiryReported }: ManagedCertificate): Promise<void> {
    if (!current || expiryReported || !isDue(expiryOf(current), this.#clock.now())) return;
    const isUnreported = (summary: CertificateSummary) =>
      !summary.expiryReported &&
      summary.current !== undefined &&
      isDue(expiryOf(summary.current), this.#clock.now());
    await this.#provisioner.certificates.change(
      id,
      (summary) => (isUnreported(summary) ? { ...summary, expiryReported: true } : summary),
      { type: 'certificate_expired' },
    );
  }

  /**
   * Asks the CA for its window and plans the renewal by it. When the CA does not answer, the plan
   * stays and the CA is asked again later. When another process has renewed the certificate
   * meanwhile, nothing changes.
   */
  async #askForWindow(
    certificate: ManagedCertificate,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { id, renewal, current, order } = certificate;
    if (!current || order !== undefined || renewal?.askAt === undefined) return;
    const content = await readableGeneration(this.#storage, id, current.generation);
    if (content === undefined) return;
    const answers: WindowAnswer[] = [];
    for (const { chain } of chainsInUse(content))
      answers.push(
        await this.#windowOf(presentIssuer(certificate), chain, signal).catch((error: unknown) => {
          signal?.throwIfAborted();
          return { failed: failureOf(error) };
        }),
      );
    const now = this.#clock.now();
    let before: CertificateSummary['renewal'];
    const withPlan = (summary: CertificateSummary) => {
      before = summary.renewal;
      return summary.current?.generation === current.generation
        ? {
            ...summary,
            renewal: renewalPlanAfterAll(answers, summary, {
              ...policyOf(summary, this.#provisioner.policy),
              now,
            }),
          }
        : summary;
    };
    await this.#provisioner.certificates.change(id, withPlan, ({ renewal: next }) => {
      if (next?.ignoredWindow && !sameWindow(next.ignoredWindow, before?.ignoredWindow))
        return {
          type: 'renewal_window_ignored',
          message: `the CA suggests ${next.ignoredWindow.start} to ${next.ignoredWindow.end}, but the certificate expires at ${expiryOf(current)}: the renewal is due at ${next.at}`,
        };
      return isDue(before?.at, now) && !isDue(next?.at, now)
        ? {
            type: 'renewal_skipped',
            message: `the CA has moved its window: the renewal is now due at ${next?.at}`,
          }
        : undefined;
    });
  }

  async #windowOf(
    issuer: string,
    chain: string,
    signal: AbortSignal | undefined,
  ): Promise<WindowAnswer> {
    const retryAfter = await this.#breakers.openUntil(issuer);
    if (retryAfter)
      return {
        failed: { code: 'ERR_ORCHESTRATOR_HELD', message: '', retryAfter, permanent: false },
      };
    return await (await this.#provisioner.issuer(issuer)).renewalInfo?.(chain, { signal });
  }
}

/** Returns a duration as the record of the policy has it. */
function policyText(duration: DurationInput | undefined): string | undefined {
  return duration === undefined ? undefined : `PT${Math.round(milliseconds(duration) / 1000)}S`;
}

function sameWindow(window: Window, before: Window | undefined): boolean {
  return window.start === before?.start && window.end === before.end;
}
type Window = NonNullable<RenewalPlan['window']>;
