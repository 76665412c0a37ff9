import type { Clock } from '@acmex/clock';
import { acquireLock, type Storage } from '@acmex/storage';
import {
  type CertificateSummary,
  type Failure,
  type Generation,
  isDeployed,
  isDue,
  type ManagedCertificate,
} from './certificate-record.ts';
import type { CertificateStore } from './certificate-store.ts';
import { failureOf } from './failure.ts';
import { randomOf, retryTime } from './renewal-time.ts';

/** Puts a certificate where it is used, in steps that can each be repeated. */
export interface Deployer {
  /** Writes it where it belongs, and does what is due for each certificate alone. */
  deploy(
    certificate: ManagedCertificate,
    generation: Generation,
    options: DeployOptions,
  ): Promise<void>;
  /** What is due once for all certificates that were placed in a run: a server that reads all its files again. Nothing by default. */
  after?(certificate: ManagedCertificate): readonly AfterTask[];
  /** Makes sure that it is seen where it is used. */
  confirm?(
    certificate: ManagedCertificate,
    generation: Generation,
    options: DeployOptions,
  ): Promise<void>;
}

export interface DeployOptions {
  readonly signal?: AbortSignal | undefined;
}

/** One thing to do after several certificates were placed. */
export interface AfterTask {
  /** Tasks with the same key are one. */
  readonly key: string;
  run(certificates: readonly ManagedCertificate[], options: DeployOptions): Promise<void>;
}

/** How a deploy ended: `placed` waits for what is due once after the run. */
export interface Deployed {
  readonly certificate: string;
  readonly deployed: 'done' | 'failed' | 'placed';
  readonly deployError?: unknown;
}

/** So long after it was placed a certificate is placed again: the process that would have finished it has ended. */
const finishedWithin = 10 * 60_000;
/** So many are confirmed at once. */
const atOnce = 10;

/** Brings certificates where they are used: a step of its own after the issue, tried again without ordering again. */
export class Deployment {
  readonly #storage: Storage;
  readonly #certificates: CertificateStore;
  readonly #deployer: Deployer;
  readonly #clock: Clock;
  /** What this process has placed and not finished. */
  readonly #placed = new Set<string>();

  constructor({
    storage,
    certificates,
    deployer,
    clock,
  }: {
    readonly storage: Storage;
    readonly certificates: CertificateStore;
    readonly deployer: Deployer;
    readonly clock: Clock;
  }) {
    this.#storage = storage;
    this.#certificates = certificates;
    this.#deployer = deployer;
    this.#clock = clock;
  }

  /** How many wait for `finish`. */
  get waiting(): number {
    return this.#placed.size;
  }

  /** @param now also what has failed and whose time has not come. @returns undefined where there is nothing to do */
  async place(
    id: string,
    { signal, now }: DeployOptions & { readonly now: boolean },
  ): Promise<Deployed | undefined> {
    const waits = (summary: CertificateSummary) =>
      !summary.paused &&
      !isDeployed(summary) &&
      (now || isDue(this.#from(summary), this.#clock.now()));
    const found = await this.#certificates.find(id);
    if (!found || !waits(found)) return undefined;
    return await this.#locked(id, signal, async (certificate, content, limited) => {
      if (!waits(certificate)) return undefined;
      await this.#deployer.deploy(certificate, content, { signal: limited });
      if ((this.#deployer.after?.(certificate) ?? []).length === 0)
        return await this.#confirmed(certificate, content, limited);
      const until = new Date(this.#clock.now().epochMilliseconds + finishedWithin).toISOString();
      await this.#certificates.change(id, (summary) => ({
        ...summary,
        placed: { generation: certificate.current?.generation ?? 0, until },
      }));
      this.#placed.add(id);
      return { certificate: id, deployed: 'placed' };
    });
  }

  /** Does what is due once for all that were placed, each once, and then looks whether each certificate is seen where it is used. */
  async finish({ signal }: DeployOptions = {}): Promise<readonly Deployed[]> {
    const ids = [...this.#placed];
    this.#placed.clear();
    const placed = (await Promise.all(ids.map(async (id) => await this.#certificates.find(id))))
      .filter((one) => one !== undefined)
      .filter(isPlaced);
    const errors = await this.#afterAll(placed, signal);
    const finished: Deployed[] = [];
    for (let from = 0; from < placed.length; from += atOnce) {
      const some = await Promise.all(
        placed.slice(from, from + atOnce).map(
          async ({ id }) =>
            await this.#locked(id, signal, async (certificate, content, limited) => {
              if (!isPlaced(certificate)) return undefined;
              return errors.has(id)
                ? await this.#failed(id, errors.get(id))
                : await this.#confirmed(certificate, content, limited);
            }),
        ),
      );
      finished.push(...some.filter((one) => one !== undefined));
    }
    return finished;
  }

  /** @returns what failed, by the certificates that wanted it */
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

  /** What is done by the holder of a certificate's lock; a failure of it is kept, unless it was told to stop. */
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
      { type: 'certificate_deployed' },
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
      { type: 'deployment_failed', code, message },
    );
    return { certificate: id, deployed: 'failed', deployError: error };
  }

  /** When what is issued may be deployed. */
  #from({ current, deployFailure, placed }: CertificateSummary): string | undefined {
    return (
      deployFailure?.retryAt ??
      (placed?.generation === current?.generation ? placed?.until : undefined) ??
      current?.issuedAt
    );
  }

  /** A deploy is tried again without ordering again, from a minute to an hour. */
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
