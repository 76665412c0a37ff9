import type { Clock, DurationInput } from '@acmex/clock';
import { acquireLock, type Storage } from '@acmex/storage';
import {
  type CertificateSummary,
  deployableAt,
  type Failure,
  type Generation,
  isDeployed,
  isDue,
  type ManagedCertificate,
} from './certificate-record.ts';
import type { CertificateStore } from './certificate-store.ts';
import { failureOf } from './failure.ts';
import { randomOf, retryTime } from './renewal-time.ts';
import { traceIdOf } from './trace-context.ts';

/** Deploys a certificate in steps, each of which can be repeated. */
export interface Deployer {
  /** Writes the certificate to its places, and runs what is due for this certificate alone. */
  deploy(
    certificate: ManagedCertificate,
    generation: Generation,
    options: DeployOptions,
  ): Promise<void>;
  /**
   * Returns the tasks that are due once for all certificates placed in a run, such as the reload of
   * a server.
   */
  after?(certificate: ManagedCertificate): readonly AfterTask[];
  /** Makes sure that the certificate is in use. */
  confirm?(
    certificate: ManagedCertificate,
    generation: Generation,
    options: DeployOptions,
  ): Promise<void>;
}

export interface DeployOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A task that runs once after several certificates were placed. */
export interface AfterTask {
  /** Tasks with the same key are one. */
  readonly key: string;
  run(certificates: readonly ManagedCertificate[], options: DeployOptions): Promise<void>;
}

/** How a deployment ended. `placed`: it waits for the tasks at the end of the run. */
export interface Deployed {
  readonly certificate: string;
  readonly deployed: 'done' | 'failed' | 'placed';
  readonly deployError?: unknown;
}

/**
 * A placed certificate is placed again after this time: the process that should have finished it
 * has ended.
 */
const finishTimeoutMs = 10 * 60_000;
const concurrentConfirmations = 10;

/** Deploys certificates: a separate step after issuance, which is retried without a new order. */
export class Deployment {
  readonly #storage: Storage;
  readonly #certificates: CertificateStore;
  readonly #deployer: Deployer;
  readonly #lease: DurationInput | undefined;
  readonly #clock: Clock;
  /** The certificates that this process has placed and not finished. */
  readonly #placed = new Set<string>();

  constructor({
    storage,
    certificates,
    deployer,
    lease,
    clock,
  }: {
    readonly storage: Storage;
    readonly certificates: CertificateStore;
    readonly deployer: Deployer;
    /** Of the locks of certificates. */
    readonly lease: DurationInput | undefined;
    readonly clock: Clock;
  }) {
    this.#storage = storage;
    this.#certificates = certificates;
    this.#deployer = deployer;
    this.#lease = lease;
    this.#clock = clock;
  }

  /** How many certificates wait for `finish`. */
  get waiting(): number {
    return this.#placed.size;
  }

  /**
   * Deploys a certificate if that is due.
   * @param now whether to deploy before the time of a retry
   * @returns undefined when there was nothing to do
   */
  async place(
    id: string,
    { signal, now }: DeployOptions & { readonly now: boolean },
  ): Promise<Deployed | undefined> {
    const waits = (summary: CertificateSummary) =>
      !summary.paused &&
      !isDeployed(summary) &&
      (now || isDue(deployableAt(summary), this.#clock.now()));
    const existing = await this.#certificates.find(id);
    if (!existing || !waits(existing)) return undefined;
    return await this.#locked(id, signal, async (certificate, content, limited) => {
      if (!waits(certificate)) return undefined;
      await this.#deployer.deploy(certificate, content, { signal: limited });
      if ((this.#deployer.after?.(certificate) ?? []).length === 0)
        return await this.#confirmed(certificate, content, limited);
      const until = new Date(this.#clock.now().epochMilliseconds + finishTimeoutMs).toISOString();
      await this.#certificates.change(id, (summary) => ({
        ...summary,
        placed: { generation: certificate.current?.generation ?? 0, until },
      }));
      this.#placed.add(id);
      return { certificate: id, deployed: 'placed' };
    });
  }

  /**
   * Runs each task that is due once for all placed certificates, and then confirms each
   * certificate.
   */
  async finish({ signal }: DeployOptions = {}): Promise<readonly Deployed[]> {
    const ids = [...this.#placed];
    this.#placed.clear();
    const placed = (await Promise.all(ids.map(async (id) => await this.#certificates.find(id))))
      .filter((certificate) => certificate !== undefined)
      .filter(isPlaced);
    const errors = await this.#afterAll(placed, signal);
    const finished: Deployed[] = [];
    for (let from = 0; from < placed.length; from += concurrentConfirmations) {
      const batch = await Promise.all(
        placed.slice(from, from + concurrentConfirmations).map(
          async ({ id }) =>
            await this.#locked(id, signal, async (certificate, content, limited) => {
              if (!isPlaced(certificate)) return undefined;
              return errors.has(id)
                ? await this.#failed(id, errors.get(id))
                : await this.#confirmed(certificate, content, limited);
            }),
        ),
      );
      finished.push(...batch.filter((deployed) => deployed !== undefined));
    }
    return finished;
  }

  /** @returns the errors of tasks, by the ids of their certificates */
  async #afterAll(
    placed: readonly ManagedCertificate[],
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, unknown>> {
    const tasks = new Map<
      string,
      { readonly task: AfterTask; readonly certificates: ManagedCertificate[] }
    >();
    for (const certificate of placed) {
      for (const task of this.#deployer.after?.(certificate) ?? []) {
        const { certificates } = tasks.get(task.key) ?? { certificates: [] };
        tasks.set(task.key, { task, certificates: [...certificates, certificate] });
      }
    }
    const errors = new Map<string, unknown>();
    for (const { task, certificates } of tasks.values()) {
      try {
        await task.run(certificates, { signal });
      } catch (error) {
        signal?.throwIfAborted();
        for (const { id } of certificates) errors.set(id, error);
      }
    }
    return errors;
  }

  /**
   * Does work while holding the certificate's lock. Stores its failure, unless `signal` has
   * aborted.
   */
  async #locked(
    id: string,
    signal: AbortSignal | undefined,
    work: (
      certificate: ManagedCertificate,
      content: Generation,
      signal: AbortSignal,
    ) => Promise<Deployed | undefined>,
  ): Promise<Deployed | undefined> {
    await using lock = await acquireLock(this.#storage, `certificate/${id}`, {
      lease: this.#lease,
      signal,
      clock: this.#clock,
    });
    const certificate = await this.#certificates.find(id);
    const content =
      certificate?.current &&
      (await this.#certificates.generation(id, certificate.current.generation));
    if (!certificate || !content) return undefined;
    try {
      return await work(
        certificate,
        content,
        signal ? AbortSignal.any([signal, lock.signal]) : lock.signal,
      );
    } catch (error) {
      if (signal?.aborted || lock.signal.aborted) throw error;
      return await this.#failed(id, error);
    }
  }

  async #confirmed(
    certificate: ManagedCertificate,
    content: Generation,
    signal: AbortSignal,
  ): Promise<Deployed> {
    const { id, current } = certificate;
    await this.#deployer.confirm?.(certificate, content, { signal });
    await this.#certificates.change(
      id,
      (summary) => ({
        ...summary,
        deployed: current?.generation,
        deployFailure: undefined,
        placed: undefined,
      }),
      { type: 'certificate_deployed', traceId: traceIdOf(current?.traceparent) },
    );
    return { certificate: id, deployed: 'done' };
  }

  async #failed(id: string, error: unknown): Promise<Deployed> {
    const { code, message } = failureOf(error);
    await this.#certificates.change(
      id,
      (summary) => ({
        ...summary,
        deployFailure: this.#failure(summary, error),
        placed: undefined,
      }),
      ({ current }) => ({
        type: 'deployment_failed',
        code,
        message,
        traceId: traceIdOf(current?.traceparent),
      }),
    );
    return { certificate: id, deployed: 'failed', deployError: error };
  }

  /** A deployment is retried after a minute at first, up to an hour. */
  #failure({ deployFailure, current }: CertificateSummary, error: unknown): Failure {
    const { code, message } = failureOf(error);
    const now = this.#clock.now();
    const failures = (deployFailure?.failures ?? 0) + 1;
    const retryAt = retryTime({
      failures,
      lifetime: { hours: 10 },
      now,
      random: randomOf(`${current?.serialNumber} ${failures}`),
    }).toString();
    return { code, message, at: now.toString(), failures, retryAt };
  }
}

function isPlaced({ placed, current, paused, ...summary }: ManagedCertificate): boolean {
  return (
    !paused &&
    placed !== undefined &&
    placed.generation === current?.generation &&
    !isDeployed({ ...summary, paused, current })
  );
}
