import { parseChain } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import type { Fetch } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { ApiClient, serverUrl } from './api-client.ts';
import {
  type AvailableCertificate,
  availableCertificates,
  missingText,
} from './available-certificates.ts';
import { pauseAfterMs } from './backoff.ts';
import { type AgentTracing, type DeploymentStatus, Deployments } from './deployments.ts';
import { AgentError, ApiError } from './errors.ts';
import { InstalledCertificates } from './installed-certificates.ts';
import { type AgentLog, describeError, logWithoutPrivateKeys } from './log.ts';

export interface AgentOptions {
  /** URLs of AcmeX servers that share a storage. When one fails, the next is used. */
  readonly servers: readonly string[];
  /**
   * Returns the API key, which has the scopes certificates:read, private-keys:read and
   * agents:write. Called for each request.
   */
  readonly key: () => Promise<string>;
  /**
   * Folder for `live/NAME/fullchain.pem` and `privkey.pem`, and for the agent's record. Made if it
   * is absent.
   */
  readonly directory: string;
  /** Ids or names of certificates; by default all that the key may read. */
  readonly certificates?: readonly string[] | undefined;
  /** Program and arguments, run after each change, without a shell. */
  readonly hook?: readonly string[] | undefined;
  /** The TLS server of this host that must serve the certificates. */
  readonly probe?: { readonly host: string; readonly port: number } | undefined;
  /** What the hook gets of the environment; nothing by default. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /**
   * The name of this host at the server: a-z, 0-9, `.`, `_` and `-`. By default made from the host
   * name.
   */
  readonly name?: string | undefined;
  /** PEM roots that the servers' certificates may be issued by, besides those of Node.js. */
  readonly serverCa?: string | undefined;
  /** Used in place of a connection of its own. */
  readonly fetch?: Fetch;
  readonly userAgent?: string;
  readonly log?: AgentLog;
  /** Called with each update that has ended, for metrics. */
  readonly watch?: AgentWatch | undefined;
  /** Records deployments as traces. */
  readonly tracing?: AgentTracing | undefined;
  readonly clock?: Clock;
  /** From 0 to 1; spreads retries. */
  readonly random?: () => number;
  /** Ends `run` and `update`. */
  readonly signal?: AbortSignal;
}

export interface UpdateResult {
  readonly certificates: readonly AvailableCertificate[];
  /** Selected ids and names for which the server has no certificate. */
  readonly missing: readonly string[];
  readonly deployments: readonly DeploymentStatus[];
}

/** Functions that are called with what an agent has done. */
export interface AgentWatch {
  onUpdate(result: UpdateResult): void;
  onUpdateFailure(error: unknown): void;
}

/**
 * Keeps the certificates of a host as they are at the servers. Disposing of it closes its
 * connections.
 */
export interface Agent extends Disposable {
  /** Absolute. */
  readonly directory: string;
  /**
   * Updates again whenever a server has a new certificate, and at least every minute, until the
   * signal aborts.
   */
  run(): Promise<void>;
  /**
   * Fetches and deploys what has changed, and reports to the servers.
   * @throws ApiError when no server answers
   */
  update(): Promise<UpdateResult>;
  /** Makes `run` update at once, and repeat failed deployments. */
  wake(): void;
}

/**
 * Opens an agent on its directory.
 * @throws AgentError `ERR_AGENT_OPTION` for an invalid URL or name, `ERR_AGENT_DIRECTORY` when the
 * directory cannot be used
 */
export async function openAgent(options: AgentOptions): Promise<Agent> {
  const {
    clock = systemClock,
    random = Math.random,
    signal = new AbortController().signal,
  } = options;
  const name = hostName(options.name);
  const urls = options.servers.map(serverUrl);
  if (urls.length === 0)
    throw new AgentError('ERR_AGENT_OPTION', 'the agent has no server: name one at least');
  const directory = resolve(options.directory);
  const log = logWithoutPrivateKeys(options.log ?? (() => undefined));
  const installed = await InstalledCertificates.open(directory);
  const { fetch, close } = connectionOf(options);
  const api = new ApiClient({
    urls,
    key: options.key,
    fetch,
    clock,
    userAgent: options.userAgent ?? 'acmex-agent',
    currentTrace: options.tracing?.currentTrace,
    onFailover: (url, { message, code }) =>
      log({ level: 'warn', msg: `using ${url} from now on: ${message}`, code }),
  });
  const deployments = new Deployments({
    api,
    installed,
    directory,
    hook: options.hook,
    probe: options.probe,
    environment: options.environment ?? {},
    tracing: options.tracing,
    log,
    clock,
    random,
    signal,
  });
  const selection = options.certificates ?? [];
  const loop = new AgentLoop({
    name,
    api,
    installed,
    deployments,
    selection,
    log,
    watch: options.watch,
    clock,
    random,
    signal,
  });
  return {
    directory,
    run: async () => await loop.run(),
    update: async () => await loop.update(),
    wake: () => loop.wake(),
    [Symbol.dispose]: close,
  };
}

function connectionOf({ fetch, serverCa }: AgentOptions): {
  readonly fetch: Fetch;
  readonly close: () => void;
} {
  if (fetch) return { fetch, close: () => undefined };
  const connection = nodeFetch(serverCa === undefined ? {} : { ca: serverCa });
  return { fetch: connection, close: () => connection[Symbol.dispose]() };
}

/** @throws AgentError `ERR_AGENT_OPTION` */
function hostName(name: string | undefined): string {
  if (name === undefined)
    return (
      hostname()
        .toLowerCase()
        .replaceAll(/[^a-z0-9._-]/g, '-')
        .replace(/^[^a-z0-9]+/, '')
        .slice(0, 100) || 'host'
    );
  if (!/^[a-z0-9][a-z0-9._-]{0,99}$/.test(name))
    throw new AgentError(
      'ERR_AGENT_OPTION',
      `the host name "${name.slice(0, 100)}" is not valid: use a-z, 0-9, ".", "_" and "-"`,
    );
  return name;
}

interface LoopOptions {
  readonly name: string;
  readonly api: ApiClient;
  readonly installed: InstalledCertificates;
  readonly deployments: Deployments;
  readonly selection: readonly string[];
  readonly log: AgentLog;
  readonly watch: AgentWatch | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Between two updates, at most. */
const updateIntervalMs = 60_000;
const firstRetryMs = 1000;
/** How long a server may wait with its answer. */
const longPollSeconds = 50;
/** Certificates with a long poll; changes of further ones are noticed by the next update. */
const longPolls = 16;
/** An unchanged status is reported again after this time. */
const heartbeatMs = 3_600_000;
const statusesPerReport = 100;

interface StatusReport {
  readonly id: string;
  readonly serialNumber: string | undefined;
  readonly evidence: DeploymentStatus['evidence'];
  readonly failure: string | undefined;
}

class AgentLoop {
  readonly #options: LoopOptions;
  /** The last report of each certificate; `at` is on the monotonic clock. */
  readonly #reported = new Map<string, { readonly text: string; readonly at: number }>();
  /** The known ETag of each certificate's chain. */
  readonly #etags = new Map<string, string>();
  #wake = new AbortController();
  #missing = '';
  #hasReportFailed = false;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  wake(): void {
    this.#options.deployments.retryNow();
    this.#wake.abort();
  }

  async run(): Promise<void> {
    const { signal, log } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      try {
        const { certificates } = await this.update();
        if (failures > 0) log({ level: 'info', msg: 'a server answers again' });
        failures = 0;
        await this.#waitForChange(certificates);
      } catch (error) {
        if (signal.aborted) return;
        this.#options.watch?.onUpdateFailure(error);
        failures += 1;
        await this.#pauseAfter(error, failures);
      }
    }
  }

  async #pauseAfter(error: unknown, failures: number): Promise<void> {
    const { log, random } = this.#options;
    const pauseMs = pauseAfterMs({
      failures,
      firstMs: firstRetryMs,
      longestMs: updateIntervalMs,
      retryAfterMs: error instanceof ApiError ? error.retryAfterMs : undefined,
      random: random(),
    });
    log({
      level: 'warn',
      msg: `${describeError(error)}; the files stay as they are, next try in ${Math.ceil(pauseMs / 1000)} seconds`,
      code: errorCode(error),
    });
    await this.#sleep(pauseMs);
  }

  async update(): Promise<UpdateResult> {
    const { api, deployments, selection, signal, log } = this.#options;
    const { certificates, missing } = await availableCertificates(api, selection, signal);
    if (missing.join() !== this.#missing && missing.length > 0)
      log({ level: 'warn', msg: missingText(missing) });
    this.#missing = missing.join();
    const deployed: [AvailableCertificate, DeploymentStatus][] = [];
    for (const certificate of certificates)
      deployed.push([certificate, await deployments.deploy(certificate)]);
    const statuses = await Promise.all(
      deployed.map(
        async ([certificate, status]) => await deployments.verifyServed(certificate, status),
      ),
    );
    await this.#report(statuses);
    const result = { certificates, missing, deployments: statuses };
    this.#options.watch?.onUpdate(result);
    return result;
  }

  /**
   * Reports what has changed, or was last reported long ago. A failed report is logged once and
   * does not stop the agent.
   */
  async #report(statuses: readonly DeploymentStatus[]): Promise<void> {
    const { api, name: agent, clock, signal, log } = this.#options;
    const now = clock.monotonic();
    const news = statuses.map(toReport).filter((report) => {
      const last = this.#reported.get(report.id);
      return last?.text !== JSON.stringify(report) || now - last.at >= heartbeatMs;
    });
    try {
      for (let start = 0; start < news.length; start += statusesPerReport) {
        const certificates = news.slice(start, start + statusesPerReport);
        await api.request('/api/agents', { body: { agent, certificates }, signal });
        for (const report of certificates)
          this.#reported.set(report.id, { text: JSON.stringify(report), at: now });
      }
      this.#hasReportFailed = false;
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#hasReportFailed)
        log({
          level: 'warn',
          msg: `cannot report to the server what this host serves: ${describeError(error)}`,
          code: errorCode(error),
        });
      this.#hasReportFailed = true;
    }
  }

  /** Returns when a server has a new certificate, or the next update is due. @throws ApiError */
  async #waitForChange(certificates: readonly AvailableCertificate[]): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, this.#wake.signal, ended.signal]);
    const due = this.#sleep(updateIntervalMs, ended.signal);
    try {
      await Promise.race([
        due,
        ...certificates
          .slice(0, longPolls)
          .map(async (certificate) => await this.#longPoll(certificate, due, signal)),
      ]);
    } finally {
      ended.abort();
    }
  }

  async #longPoll(
    { id }: AvailableCertificate,
    due: Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { api, installed } = this.#options;
    try {
      for (;;) {
        const { status, etag, text } = await api.request(`/api/certificates/${id}/chain`, {
          etag: this.#etags.get(id),
          waitSeconds: longPollSeconds,
          signal,
        });
        if (status === 304) continue;
        if (etag === undefined) return await due;
        this.#etags.set(id, etag);
        const [leaf] = parseChain(text);
        if (leaf?.serialNumber !== installed.get(id)?.serialNumber) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      // A certificate that is gone is noticed by the next update, and a busy server by its next
      // request.
      if (error instanceof ApiError && waitUntilDue.has(error.code)) return await due;
      throw error;
    }
  }

  async #sleep(pauseMs: number, ended?: AbortSignal): Promise<void> {
    const { clock, signal } = this.#options;
    const signals = [signal, this.#wake.signal, ...(ended ? [ended] : [])];
    await clock.sleep({ milliseconds: pauseMs }, { signal: AbortSignal.any(signals) }).catch(() => {
      /* one of the signals has aborted */
    });
  }
}

const waitUntilDue: ReadonlySet<string> = new Set([
  'ERR_AGENT_SERVER_REFUSED',
  'ERR_AGENT_SERVER_BUSY',
]);

function toReport({ id, serialNumber, evidence, error }: DeploymentStatus): StatusReport {
  return {
    id,
    serialNumber,
    evidence,
    failure: error === undefined ? undefined : reportedCode(error),
  };
}

function reportedCode(error: unknown): string {
  const code = errorCode(error) ?? '';
  return /^ERR_[A-Z0-9_]{1,60}$/.test(code) ? code : 'ERR_INTERNAL';
}
