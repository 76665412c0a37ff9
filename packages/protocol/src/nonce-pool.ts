import type { Clock } from '@acmex/clock';
import { AcmeError } from './errors.ts';

export interface TakeOptions {
  readonly signal?: AbortSignal | undefined;
}

interface Waiter {
  readonly resolve: (nonce: string) => void;
  readonly reject: (reason: unknown) => void;
}

const largestPool = 100;

/** How long a request waits for the nonces of answers before another is fetched. */
const patience = { milliseconds: 50 };

/** Whether a Replay-Nonce can be used: others must be ignored. RFC 8555 §6.5.1 */
export function isNonce(text: string | null): text is string {
  return text !== null && /^[\w-]{1,512}$/.test(text);
}

/**
 * Replay nonces: every answer of the CA brings one, and each is good for one request. RFC 8555
 * §6.5. A request that finds none waits for whichever comes first, an answer's or a fetched one. While
 * answers are due, none is fetched for 50 milliseconds: those of a CA nearby come sooner. Only as many
 * are fetched as requests wait.
 */
export class NoncePool {
  readonly #fetchNonce: (signal: AbortSignal) => Promise<string>;
  readonly #clock: Clock;
  #requests = 0;
  #nonces: readonly string[] = [];
  #waiting: readonly Waiter[] = [];
  #fetches: readonly AbortController[] = [];

  /** @param fetchNonce asks newNonce for one */
  constructor(fetchNonce: (signal: AbortSignal) => Promise<string>, clock: Clock) {
    this.#fetchNonce = fetchNonce;
    this.#clock = clock;
  }

  /** Runs a request that takes a nonce, and whose answer brings one. */
  async during<T>(request: () => Promise<T>): Promise<T> {
    this.#requests += 1;
    try {
      return await request();
    } finally {
      this.#requests -= 1;
    }
  }

  /**
   * Returns the freshest nonce.
   * @throws AcmeError `ERR_ACME_NO_NONCE` when the one fetched is not base64url; what `fetchNonce`
   * throws; the signal's reason
   */
  take({ signal }: TakeOptions = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const nonce = this.#nonces.at(-1);
      this.#nonces = this.#nonces.slice(0, -1);
      if (nonce !== undefined) return resolve(nonce);
      const abort = () => {
        settled.abort();
        this.#waiting = this.#waiting.filter((candidate) => candidate !== waiter);
        if (this.#fetches.length > this.#waiting.length) this.#fetches.at(-1)?.abort();
        reject(signal?.reason);
      };
      const settled = new AbortController();
      const done = () => {
        settled.abort();
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        resolve: (value) => {
          done();
          resolve(value);
        },
        reject: (reason) => {
          done();
          reject(reason);
        },
      };
      this.#waiting = [...this.#waiting, waiter];
      signal?.addEventListener('abort', abort, { once: true });
      const isAnswerDue = this.#requests > this.#waiting.length;
      if (isAnswerDue) void this.#fetchLater(settled.signal);
      else this.#fetchMissing();
    });
  }

  /**
   * Gives a nonce to the request that has waited longest, or stores it. Text that is not base64url
   * is not a nonce (RFC 8555 §6.5.1) and is dropped.
   */
  put(nonce: string | null): void {
    if (!isNonce(nonce)) return;
    const [first, ...rest] = this.#waiting;
    this.#waiting = rest;
    if (first) first.resolve(nonce);
    else this.#nonces = [...this.#nonces.slice(1 - largestPool), nonce];
  }

  async #fetchLater(signal: AbortSignal): Promise<void> {
    const [{ status }] = await Promise.allSettled([this.#clock.sleep(patience, { signal })]);
    if (status === 'fulfilled') this.#fetchMissing();
  }

  #fetchMissing(): void {
    if (this.#fetches.length < this.#waiting.length) void this.#fetch();
  }

  async #fetch(): Promise<void> {
    const controller = new AbortController();
    this.#fetches = [...this.#fetches, controller];
    const end = () => {
      this.#fetches = this.#fetches.filter((candidate) => candidate !== controller);
    };
    try {
      const nonce = await this.#fetchNonce(controller.signal);
      if (!isNonce(nonce))
        throw new AcmeError('ERR_ACME_NO_NONCE', 'the nonce that was fetched is not base64url');
      end();
      this.put(nonce);
    } catch (error) {
      end();
      if (controller.signal.aborted) return;
      const [first, ...rest] = this.#waiting;
      this.#waiting = rest;
      first?.reject(error);
    }
  }
}
