import type { Clock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { type Directory, isNothingThere, readDirectory } from './directory.ts';
import type { AcmeResponse, HttpHeaders } from './http.ts';
import { urlProblem } from './origins.ts';
import { refusal } from './refusal.ts';
import type { Send } from './sender.ts';
import type { CallOptions } from './call-options.ts';

/** A directory as a CA sent it, for later sessions. */
export interface CachedDirectory {
  /** The JSON text. */
  readonly text: string;
  /** By which the CA knows whether it has changed since. RFC 9110 §8.8.3 */
  readonly etag?: string | undefined;
  /** When the CA is asked again; RFC 3339, at most a day after the CA has sent it. */
  readonly freshUntil: string;
}

/**
 * Keeps directories of CAs, so that a new session does not have to ask for them. What it returns is
 * checked as an answer of the CA is, and a damaged one is fetched again.
 */
export interface DirectoryCache {
  /**
   * Returns what was last put under a URL, or undefined, also where it cannot be read.
   * @throws the signal's reason only
   */
  get(url: string, options?: CallOptions): Promise<CachedDirectory | undefined>;
  /** Replaces what is there for the URL, if it can. Does not throw. */
  put(url: string, directory: CachedDirectory, options?: CallOptions): Promise<void>;
}

/** How much of a directory is kept, in characters. */
const longestText = 64 * 1024;

/** Returns a cache for the sessions of one process: the last 100 directories. */
export function memoryDirectories(): DirectoryCache {
  const directories = new Map<string, CachedDirectory>();
  return {
    get: async (url) => directories.get(url),
    async put(url, directory) {
      directories.delete(url);
      directories.set(url, directory);
      const [oldest] = directories.keys();
      if (directories.size > 100 && oldest !== undefined) directories.delete(oldest);
    },
  };
}

export interface DirectoryOptions extends CallOptions {
  /**
   * Whether a directory from the cache does not count: the session asks the CA, unless it has done
   * so already. For whatever depends on the terms that the CA has now.
   */
  readonly fromCa?: boolean;
}

const dayMs = 86_400_000;

export interface DirectoryReaderOptions {
  readonly send: Send;
  /** The directory's own URL. */
  readonly url: string;
  readonly clock: Clock;
  readonly cache: DirectoryCache | undefined;
}

interface CurrentDirectory {
  readonly directory: Directory;
  /** On the monotonic clock, in milliseconds. */
  readonly until: number;
  /** Whether its text is from the cache. */
  readonly isCached: boolean;
}

/** The directory of one CA: what the session has, else what the cache has, else what the CA says. */
export class DirectoryReader {
  readonly #options: DirectoryReaderOptions;
  #current: CurrentDirectory | undefined;
  /** The last one whose text was from the cache. */
  #cached: Directory | undefined;

  constructor(options: DirectoryReaderOptions) {
    this.#options = options;
  }

  /** See `AcmeSession.directory`. */
  async read({ signal, fromCa = false }: DirectoryOptions = {}): Promise<Directory> {
    const { clock, url, cache } = this.#options;
    const current = this.#current;
    if (current && clock.monotonic() < current.until && !(fromCa && current.isCached))
      return current.directory;
    const cached = fromCa ? undefined : await this.#fromCache(signal);
    if (cached && cached.freshMs > 0) return this.#use(cached.directory, cached.freshMs, true);
    const answer = await this.#fetch(cached?.etag, signal);
    const isConfirmed = cached?.etag !== undefined && answer.status === 304;
    const directory = isConfirmed ? cached.directory : directoryOf(answer, clock);
    const text = isConfirmed ? cached.text : answer.text;
    const etag = entityTag(answer.headers.get('etag')) ?? (isConfirmed ? cached.etag : undefined);
    const freshMs = freshMilliseconds(answer.headers, clock);
    // Where the CA confirms it and wants to be asked each time, the cache has it already.
    const isWorthKeeping = freshMs !== undefined && (freshMs > 0 || (etag && !isConfirmed));
    if (isWorthKeeping && text.length <= longestText) {
      const freshUntil = clock.now().add({ milliseconds: freshMs }).toString();
      await cache?.put(url, { text, etag, freshUntil }, { signal });
    }
    return this.#use(directory, dayMs, isConfirmed);
  }

  /**
   * Sends a request to a URL of the directory. Where the directory is from the cache, and an answer
   * or a failure looks as if it were out of date, reads it from the CA, and sends the request again
   * if its URL is another one now.
   */
  async atCurrentUrl<T>(
    url: string,
    send: (url: string) => Promise<T>,
    { signal, isForeign }: CallOptions & { readonly isForeign?: (answer: T) => boolean },
  ): Promise<T> {
    const outcome = await send(url).then(
      (answer) => ({ answer, isSuspect: isForeign?.(answer) === true }),
      (error: unknown) => ({ error, isSuspect: isWrongPlace(error) }),
    );
    const next = outcome.isSuspect ? await this.#movedTo(url, signal) : undefined;
    if (next !== undefined) return await send(next);
    if ('error' in outcome) throw outcome.error;
    return outcome.answer;
  }

  /** Where the CA has what a cached directory has at a URL; undefined where that is the same. */
  async #movedTo(url: string, signal: AbortSignal | undefined): Promise<string | undefined> {
    const cached = this.#cached;
    const name = cached && memberOf(cached, url);
    if (!name) return undefined;
    const { [name]: next } = await this.read({ signal, fromCa: true });
    const former = cached[name];
    if (next === undefined || former === undefined || next === former) return undefined;
    if (url === former) return next;
    return `${withoutSlash(next)}${url.slice(withoutSlash(former).length)}`;
  }

  async #fromCache(signal: AbortSignal | undefined) {
    const { cache, url, clock } = this.#options;
    const stored = await cache?.get(url, { signal });
    const directory = stored && checkedDirectory(url, stored.text);
    if (!directory) return undefined;
    const left = Date.parse(stored.freshUntil) - clock.now().epochMilliseconds;
    return {
      directory,
      text: stored.text,
      etag: entityTag(stored.etag ?? null),
      // A clock may have been wrong: nothing is fresh for longer than a day.
      freshMs: left <= dayMs ? left : 0,
    };
  }

  #use(directory: Directory, milliseconds: number, isCached: boolean): Directory {
    const until = this.#options.clock.monotonic() + milliseconds;
    this.#current = { directory, until, isCached };
    if (isCached) this.#cached = directory;
    return directory;
  }

  async #fetch(etag: string | undefined, signal: AbortSignal | undefined): Promise<AcmeResponse> {
    const { send, url } = this.#options;
    return await send(
      { method: 'GET', etag, signal },
      { url, operation: 'directory', repeatable: true, signal },
    );
  }
}

type UrlName = Exclude<keyof Directory, 'meta'>;

const urlNames: readonly UrlName[] = [
  ...(['newNonce', 'newAccount', 'newOrder', 'newAuthz'] as const),
  ...(['revokeCert', 'keyChange', 'renewalInfo'] as const),
];

/** Returns the member whose URL it is; below `renewalInfo` are those of certificates. */
function memberOf(directory: Directory, url: string): UrlName | undefined {
  const { renewalInfo } = directory;
  if (renewalInfo !== undefined && url.startsWith(`${withoutSlash(renewalInfo)}/`))
    return 'renewalInfo';
  return urlNames.find((name) => directory[name] === url);
}

function withoutSlash(url: string): string {
  return url.replace(/\/$/, '');
}

function directoryOf(answer: AcmeResponse, clock: Clock): Directory {
  const type = answer.headers.get('content-type') ?? '';
  const isProblem = answer.status >= 400 && /^application\/problem\+json/i.test(type);
  if (isProblem && !isNothingThere(answer)) throw refusal(answer, clock.now());
  return readDirectory(answer);
}

/** Returns the directory of a text from a cache; undefined for a text that no CA may send. */
function checkedDirectory(url: string, text: string): Directory | undefined {
  try {
    const directory = readDirectory({ url, status: 200, headers: { get: () => null }, text });
    const isAllowed = (member: string | undefined) =>
      member === undefined || urlProblem(member, url) === undefined;
    return urlNames.every((name) => isAllowed(directory[name])) ? directory : undefined;
  } catch {
    return undefined; // it is damaged: the CA is asked
  }
}

/** Whether a failure is what an address gives where no ACME server is, or another one. */
function isWrongPlace(error: unknown): boolean {
  const code = errorCode(error);
  if (code === 'ERR_ACME_UNREACHABLE' || code === 'ERR_ACME_TLS' || code === 'ERR_ACME_NO_NONCE')
    return true;
  const status = statusOf(error);
  if (status >= 400 && code === 'ERR_ACME_STATUS') return status < 500;
  return [404, 405, 410].includes(status) || (status >= 300 && status < 400);
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'status' in error && typeof error.status === 'number'
    ? error.status
    : 0;
}

/** Whether a successful answer is a page rather than one of an ACME server. */
export function isNotJson({ headers, text }: Pick<AcmeResponse, 'headers' | 'text'>): boolean {
  return (
    text !== '' && !/^application\/(problem\+)?json\b/i.test(headers.get('content-type') ?? '')
  );
}

function entityTag(text: string | null): string | undefined {
  return text !== null && /^(?:W\/)?"[\x21\x23-\x7e]{0,300}"$/.test(text) ? text : undefined;
}

/**
 * How long the CA allows an answer to be used without asking again: at most a day, and a day where
 * it says nothing. RFC 9111 §4.2, §5.2.2
 * @returns milliseconds; undefined where it must not be stored
 */
function freshMilliseconds(headers: HttpHeaders, clock: Clock): number | undefined {
  const directives = (headers.get('cache-control') ?? '')
    .split(',')
    .map((directive) => directive.trim().toLowerCase());
  if (directives.includes('no-store')) return undefined;
  if (directives.some((directive) => /^no-cache(?:=|$)/.test(directive))) return 0;
  const [, seconds] = /(?:^|,)max-age="?(\d+)/.exec(directives.join()) ?? [];
  const age = 1000 * (Number(headers.get('age')) || 0);
  const expires = headers.get('expires');
  if (seconds !== undefined) return limited(1000 * Number(seconds) - age);
  if (expires === null) return limited(dayMs - age);
  return limited((Date.parse(expires) || 0) - clock.now().epochMilliseconds);
}

function limited(milliseconds: number): number {
  return Math.max(0, Math.min(dayMs, milliseconds));
}
