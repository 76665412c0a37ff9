import type { Clock } from '@acmex/clock';
import {
  type Bundle,
  DeployError,
  deployFiles,
  type Deployed,
  hookEnvironment,
  probe,
  runHook,
  servedSerialNumber,
} from '@acmex/deploy';
import { errorCode } from '@acmex/errors';
import type { ApiClient } from './api-client.ts';
import type { AvailableCertificate } from './available-certificates.ts';
import { pauseAfterMs } from './backoff.ts';
import { secondBundle, verifiedBundle } from './bundle.ts';
import { AgentError, ApiError } from './errors.ts';
import type { InstalledCertificate, InstalledCertificates } from './installed-certificates.ts';
import { type AgentLog, describeError } from './log.ts';

/** Records what an agent does as traces. */
export interface AgentTracing {
  /** Does a deployment as part of the trace of its order, where the server says that. */
  watchDeployment<T>(
    deployment: { readonly certificate: string; readonly traceparent?: string | undefined },
    work: () => Promise<T>,
  ): Promise<T>;
  /** Returns the trace that requests to the server belong to. W3C Trace Context §3.2 */
  readonly currentTrace: () => string | undefined;
}

export interface DeploymentsOptions {
  readonly api: ApiClient;
  readonly installed: InstalledCertificates;
  /** Absolute. */
  readonly directory: string;
  /** Program and arguments, run after each change. */
  readonly hook: readonly string[] | undefined;
  /** The TLS server that must serve the certificates. */
  readonly probe: { readonly host: string; readonly port: number } | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly tracing: AgentTracing | undefined;
  readonly log: AgentLog;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** The state of a certificate on this host. */
export interface DeploymentStatus {
  readonly id: string;
  /** Of the certificate that is served, as far as `evidence` shows. */
  readonly serialNumber?: string | undefined;
  readonly evidence?: 'probe' | 'files' | undefined;
  readonly changed: boolean;
  readonly error?: unknown;
}

interface Failure {
  readonly serialNumber: string;
  readonly failures: number;
  /** On the monotonic clock, in milliseconds. */
  readonly retryAt: number;
  readonly error: unknown;
}

const firstRetryMs = 30_000;
const longestRetryMs = 3_600_000;

/**
 * Deploys certificates on this host: files, hook, probe. A failed deployment is repeated at growing
 * intervals, and at once for a new certificate.
 */
export class Deployments {
  readonly #options: DeploymentsOptions;
  readonly #failures = new Map<string, Failure>();
  /** The last failed verification of each certificate, which is logged once. */
  readonly #logged = new Map<string, string | undefined>();

  constructor(options: DeploymentsOptions) {
    this.#options = options;
  }

  /** Lets the next `deploy` repeat what has failed without a pause. */
  retryNow(): void {
    for (const [id, failure] of this.#failures)
      this.#failures.set(id, { ...failure, retryAt: -Infinity });
  }

  /**
   * Fetches and writes a new certificate, and runs the hook once for it.
   * @throws ApiError when no server answers as expected
   */
  async deploy(certificate: AvailableCertificate): Promise<DeploymentStatus> {
    const { clock, signal } = this.#options;
    const failure = this.#failures.get(certificate.id);
    const previous = failure?.serialNumber === certificate.serialNumber ? failure : undefined;
    if (previous && previous.retryAt > clock.monotonic())
      return this.#status(certificate, false, previous.error);
    try {
      const changed = await this.#install(certificate);
      this.#failures.delete(certificate.id);
      return this.#status(certificate, changed);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ApiError && error.code !== 'ERR_AGENT_SERVER_REFUSED') throw error;
      this.#recordFailure(certificate, (previous?.failures ?? 0) + 1, error);
      return this.#status(certificate, false, error);
    }
  }

  #recordFailure(certificate: AvailableCertificate, failures: number, error: unknown): void {
    const { installed, log, clock, random } = this.#options;
    const { id, serialNumber } = certificate;
    const pauseMs = pauseAfterMs({
      failures,
      firstMs: firstRetryMs,
      longestMs: longestRetryMs,
      random: random(),
    });
    const retryAt = clock.monotonic() + pauseMs;
    this.#failures.set(id, { serialNumber, failures, retryAt, error });
    log({
      level: 'error',
      msg: `${label(certificate)}: ${describeError(error)}; the files stay as they are, next try in ${Math.ceil(pauseMs / 1000)} seconds`,
      certificate: id,
      serial: serialNumber,
      code: errorCode(error),
      held: installed.get(id)?.serialNumber,
    });
  }

  /**
   * Checks which certificate the TLS server serves. After a change the server has time to reload
   * its files.
   */
  async verifyServed(
    certificate: AvailableCertificate,
    { changed, error, ...status }: DeploymentStatus,
  ): Promise<DeploymentStatus> {
    const { probe: server, clock, signal, installed } = this.#options;
    const expected = installed.get(certificate.id)?.serialNumber;
    const { second } = certificate;
    const isPair = second !== undefined && expected === certificate.serialNumber;
    const either = isPair ? [certificate.serialNumber, second.serialNumber] : expected;
    if (!server) return { ...status, changed, error };
    const target = { ...server, serverName: serverName(certificate, server.host), clock, signal };
    const probeError =
      error === undefined && changed && either !== undefined
        ? await probe(either, target).then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
        : undefined;
    const served = await servedSerialNumber(target).catch(() => undefined);
    signal.throwIfAborted();
    const isServed = isPair ? either?.includes(served ?? '') : served === expected;
    const mismatch = isServed ? undefined : notServed(server, expected, served);
    const failure = error ?? probeError ?? mismatch;
    this.#logOnce(certificate, error === undefined ? failure : undefined);
    return {
      ...status,
      serialNumber: served,
      evidence: served === undefined ? undefined : 'probe',
      changed,
      error: failure,
    };
  }

  #logOnce(certificate: AvailableCertificate, failure: unknown): void {
    const text = failure === undefined ? undefined : describeError(failure);
    if (text !== undefined && text !== this.#logged.get(certificate.id))
      this.#options.log({
        level: 'error',
        msg: `${label(certificate)}: ${text}`,
        certificate: certificate.id,
        code: errorCode(failure),
      });
    this.#logged.set(certificate.id, text);
  }

  /** @returns false when nothing was to be done */
  async #install(certificate: AvailableCertificate): Promise<boolean> {
    const { installed } = this.#options;
    const name = installed.nameOf(certificate.id, certificate.names);
    const current = installed.get(certificate.id);
    const bundle = current && (await installed.bundle(name, certificate));
    const isCurrent =
      bundle?.serialNumber === certificate.serialNumber &&
      bundle.second?.serialNumber === certificate.second?.serialNumber;
    if (current && isCurrent && current.used === current.serialNumber) return false;
    await this.#traced(certificate, async () => {
      const written =
        current && bundle && isCurrent
          ? { entry: current, bundle, paths: installed.paths(name) }
          : await this.#write(certificate, name, bundle);
      if (written.entry.used !== written.entry.serialNumber) await this.#use(certificate, written);
    });
    return true;
  }

  async #traced<T>({ id, traceparent }: AvailableCertificate, work: () => Promise<T>): Promise<T> {
    const { tracing } = this.#options;
    return tracing
      ? await tracing.watchDeployment({ certificate: id, traceparent }, work)
      : await work();
  }

  async #write(
    certificate: AvailableCertificate,
    name: string,
    before: Bundle | undefined,
  ): Promise<Written> {
    const { installed, directory, log } = this.#options;
    const { id } = certificate;
    const bundle = await this.#fetch(certificate);
    const { paths } = await deployFiles({ directory, name }, bundle);
    // The hook has not seen a second certificate beside the same first one.
    const isHookDue = bundle.second?.serialNumber !== before?.second?.serialNumber;
    const used = isHookDue ? undefined : installed.get(id)?.used;
    const entry = { name, serialNumber: bundle.serialNumber, used };
    await installed.set(id, entry);
    log({
      level: 'info',
      msg: `${label(certificate)}: installed ${bundle.serialNumber} in ${paths.lineage ?? directory}, valid until ${bundle.notAfter}`,
      certificate: id,
      serial: bundle.serialNumber,
    });
    return { entry, bundle, paths };
  }

  /** Returns a certificate that the server sends; of a pair both, which were issued together. */
  async #fetch(certificate: AvailableCertificate): Promise<Bundle> {
    const { api, clock, signal } = this.#options;
    const path = `/api/certificates/${certificate.id}/bundle`;
    const { text } = await api.request(path, { signal });
    const bundle = await verifiedBundle(text, certificate, { clock });
    const { second } = certificate;
    if (!second) return bundle;
    const query = `keyType=${encodeURIComponent(second.keyType)}`;
    const answer = await api.request(`${path}?${query}`, { signal });
    const ofSecond = await verifiedBundle(answer.text, certificate, { clock });
    if (
      bundle.serialNumber !== certificate.serialNumber ||
      ofSecond.serialNumber !== second.serialNumber
    )
      throw new AgentError(
        'ERR_AGENT_SERVER_BUSY',
        `${label(certificate)} was renewed while its two certificates were fetched: they are fetched again`,
      );
    return { ...bundle, second: secondBundle(ofSecond) };
  }

  /** Runs the hook, and records that it has succeeded. */
  async #use(certificate: AvailableCertificate, { entry, bundle, paths }: Written): Promise<void> {
    const { installed, hook, environment, log, clock, signal } = this.#options;
    if (hook) {
      const env = hookEnvironment('deploy', { bundle, paths, environment });
      await runHook(hook, { env, clock, signal });
      log({
        level: 'info',
        msg: `${label(certificate)}: the hook succeeded`,
        certificate: certificate.id,
        serial: entry.serialNumber,
      });
    }
    await installed.set(certificate.id, { ...entry, used: entry.serialNumber });
  }

  /** Without a probe, the certificate for which the hook has succeeded counts as served. */
  #status({ id }: AvailableCertificate, changed: boolean, error?: unknown): DeploymentStatus {
    const used = this.#options.installed.get(id)?.used;
    return {
      id,
      serialNumber: used,
      evidence: used === undefined ? undefined : 'files',
      changed,
      error,
    };
  }
}

interface Written {
  readonly entry: InstalledCertificate;
  readonly bundle: Bundle;
  readonly paths: Deployed['paths'];
}

function label({ names }: AvailableCertificate): string {
  return names[0] ?? '';
}

function notServed(
  { host, port }: { readonly host: string; readonly port: number },
  expected: string | undefined,
  served: string | undefined,
): DeployError {
  const instead = served === undefined ? 'no TLS server answers there' : `it serves ${served}`;
  return new DeployError(
    'ERR_DEPLOY_PROBE',
    `${host}:${port} does not serve the certificate ${expected ?? ''}: ${instead}`,
  );
}

/** Returns the name for SNI: the probed host may not be among the names of the certificate. */
function serverName({ names }: AvailableCertificate, host: string): string {
  if (names.includes(host)) return host;
  const plain = names.find((name) => !name.startsWith('*.'));
  return plain ?? names[0]?.replace('*', 'www') ?? host;
}
