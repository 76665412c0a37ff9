import type { Clock, DurationInput } from '@acmex/clock';
import type { Certificates } from './certificates.ts';
import { HttpsError } from './errors.ts';

const checkInterval = { milliseconds: 200 };
/** A listener of errors is added by then. */
const firstReport = { seconds: 1 };
const reportInterval = { hours: 24 };

/** Watches whether the names of a program have certificates, until it is closed. */
export class WantedNames implements AsyncDisposable {
  readonly #lists: readonly (readonly string[])[];
  readonly #certificates: Pick<Certificates, 'find' | 'reportExpiry'>;
  readonly #clock: Clock;
  readonly #closed = new AbortController();

  constructor(
    lists: readonly (readonly string[])[],
    {
      certificates,
      clock,
      onError,
    }: {
      readonly certificates: Pick<Certificates, 'find' | 'reportExpiry'>;
      readonly clock: Clock;
      readonly onError: (error: unknown) => void;
    },
  ) {
    this.#lists = lists;
    this.#certificates = certificates;
    this.#clock = clock;
    void this.#reportDaily(onError);
  }

  /**
   * Resolves when a certificate is served for each name that has not ended.
   * @throws HttpsError `ERR_HTTPS_CLOSED`; the reason of the signal; what the storage throws
   */
  async ready(signal: AbortSignal | undefined): Promise<void> {
    const stop = AbortSignal.any([this.#closed.signal, ...(signal ? [signal] : [])]);
    stop.throwIfAborted();
    while (!(await this.#areServed())) await this.#clock.sleep(checkInterval, { signal: stop });
  }

  /** Reports each day what has ended: it is served on. */
  async #reportDaily(onError: (error: unknown) => void): Promise<void> {
    const { signal } = this.#closed;
    const sleep = async (duration: DurationInput) =>
      await this.#clock.sleep(duration, { signal }).catch(() => undefined);
    for (await sleep(firstReport); !signal.aborted; await sleep(reportInterval))
      await this.#reportEnded().catch(onError);
  }

  async #reportEnded(): Promise<void> {
    for (const [name = ''] of this.#lists) {
      const served = await this.#certificates.find(name);
      if (served && this.#hasEnded(served)) await this.#certificates.reportExpiry(served.id);
    }
  }

  async #areServed(): Promise<boolean> {
    for (const name of this.#lists.flat()) {
      const served = await this.#certificates.find(name);
      if (!served || this.#hasEnded(served)) return false;
    }
    return true;
  }

  #hasEnded({ notAfter }: { readonly notAfter: string }): boolean {
    return Date.parse(notAfter) <= this.#clock.now().epochMilliseconds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(
      new HttpsError('ERR_HTTPS_CLOSED', 'autocert was closed before each name had a certificate'),
    );
  }
}
