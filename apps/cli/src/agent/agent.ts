import type { Clock } from '@acmex/clock';
import { parseChain } from '@acmex/certificate';
import { errorCode } from '@acmex/errors';
import type { Log } from '@acmex/server';
import { type Available, available } from './available.ts';
import { pauseAfter } from './backoff.ts';
import type { InstalledCertificates } from './installed.ts';
import { ServerFault, type Servers } from './servers.ts';
import { told } from './telling.ts';
import type { Standing, Using } from './using.ts';

export interface AgentOptions {
  /** What this host calls itself. */
  readonly name: string;
  readonly servers: Servers;
  readonly installed: InstalledCertificates;
  readonly using: Using;
  /** Ids or names; all that the key may read where there are none. */
  readonly wanted: readonly string[];
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks, at most. */
const interval = 60_000;
/** Seconds that a server is asked to wait. */
const wait = 50;
/** For how many certificates a request waits; all others are found by the next look. */
const waitedFor = 16;
/** What did not change is told again after so many milliseconds. */
const heartbeat = 3_600_000;
const toldAtOnce = 100;

/** Keeps a host's certificates as the servers have them. */
export class Agent {
  readonly #options: AgentOptions;
  /** What the servers were told, by certificate. */
  readonly #told = new Map<string, { readonly text: string; readonly at: number }>();
  /** Tags of the chains that were seen. */
  readonly #tags = new Map<string, string>();
  #wake = new AbortController();
  #missing = '';
  #mute = false;

  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** Has the next look begin at once, also for what failed. */
  wake(): void {
    this.#options.using.hurry();
    this.#wake.abort();
  }

  /** Looks, waits for news, and looks again, until the signal aborts. */
  async run(): Promise<void> {
    const { signal, log, random } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      this.#wake = new AbortController();
      try {
        const { certificates } = await this.look();
        if (failures > 0) log({ level: 'info', msg: 'a server answers again' });
        failures = 0;
        await this.#news(certificates);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        const pause = pauseAfter({
          failures,
          first: 1000,
          most: interval,
          retryAfter: error instanceof ServerFault ? error.waitFor : undefined,
          random: random(),
        });
        log({
          level: 'warn',
          msg: `${told(error)}; what lies in the files stays, again in ${Math.ceil(pause / 1000)} seconds`,
          code: errorCode(error),
        });
        await this.#sleep(pause);
      }
    }
  }

  /** Brings every certificate to where it is used, and tells the servers how each stands. @throws ServerFault */
  async look(): Promise<{
    readonly certificates: readonly Available[];
    readonly missing: readonly string[];
    readonly standings: readonly Standing[];
  }> {
    const { servers, using, wanted, signal, log } = this.#options;
    const { certificates, missing } = await available(servers, wanted, signal);
    if (missing.join() !== this.#missing && missing.length > 0)
      log({
        level: 'warn',
        msg: `the server has no issued certificate for this key by ${missing.join(', ')}`,
      });
    this.#missing = missing.join();
    const put: Standing[] = [];
    for (const one of certificates) put.push(await using.use(one));
    const standings = await Promise.all(
      certificates.map(
        async (one, at) => await using.look(one, put[at] ?? { id: one.id, changed: false }),
      ),
    );
    await this.#tell(standings);
    return { certificates, missing, standings };
  }

  /** What is new, or was told long ago. A host that cannot tell it does its work all the same. */
  async #tell(standings: readonly Standing[]): Promise<void> {
    const { servers, name: agent, clock, signal, log } = this.#options;
    const now = clock.monotonic();
    const reports = standings.map(({ id, serialNumber, evidence, error }) => ({
      id,
      serialNumber,
      evidence,
      failure: error === undefined ? undefined : codeFor(error),
    }));
    const news = reports
      .map((report) => ({ report, text: JSON.stringify(report) }))
      .filter(({ report: { id }, text }) => {
        const last = this.#told.get(id);
        return last?.text !== text || now - last.at >= heartbeat;
      });
    try {
      for (let at = 0; at < news.length; at += toldAtOnce) {
        const part = news.slice(at, at + toldAtOnce);
        await servers.ask('/api/agents', {
          body: { agent, certificates: part.map(({ report }) => report) },
          signal,
        });
        for (const {
          report: { id },
          text,
        } of part)
          this.#told.set(id, { text, at: now });
      }
      this.#mute = false;
    } catch (error) {
      signal.throwIfAborted();
      if (!this.#mute)
        log({
          level: 'warn',
          msg: `the server is not told what is served here: ${told(error)}`,
          code: errorCode(error),
        });
      this.#mute = true;
    }
  }

  /** Until a server has another certificate, or it is time for the next look. @throws ServerFault */
  async #news(certificates: readonly Available[]): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, this.#wake.signal, over.signal]);
    const asleep = this.#sleep(interval, over.signal);
    try {
      await Promise.race([
        asleep,
        ...certificates
          .slice(0, waitedFor)
          .map(async (one) => await this.#another(one, asleep, signal)),
      ]);
    } finally {
      over.abort();
    }
  }

  async #another({ id }: Available, asleep: Promise<void>, signal: AbortSignal): Promise<void> {
    const { servers, installed } = this.#options;
    try {
      for (;;) {
        const known = this.#tags.get(id);
        const { status, etag, text } = await servers.ask(`/api/certificates/${id}/chain`, {
          known,
          wait,
          signal,
        });
        if (status === 304) continue;
        if (etag === undefined) return await asleep;
        this.#tags.set(id, etag);
        const [leaf] = parseChain(text);
        if (leaf?.serialNumber !== installed.get(id)?.serialNumber) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      // One that is gone is found out about by the next look, and who may not wait comes back in time.
      if (
        error instanceof ServerFault &&
        (error.code === 'ERR_CLI_SERVER_REFUSED' || error.code === 'ERR_CLI_SERVER_BUSY')
      )
        return await asleep;
      throw error;
    }
  }

  async #sleep(pause: number, over?: AbortSignal): Promise<void> {
    const { clock, signal } = this.#options;
    await clock
      .sleep(
        { milliseconds: pause },
        { signal: AbortSignal.any([signal, this.#wake.signal, ...(over ? [over] : [])]) },
      )
      .catch(() => {
        /* it is woken, or told to stop */
      });
  }
}

function codeFor(error: unknown): string {
  const code = errorCode(error) ?? '';
  return /^ERR_[A-Z0-9_]{1,60}$/.test(code) ? code : 'ERR_INTERNAL';
}
