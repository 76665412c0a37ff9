import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '@acmex/clock';
import { type LocalCa, localCa, type LocalCertificate } from '@acmex/local-ca';
import { LRUCache } from 'lru-cache';
import type { CertificateStatus } from './certificate-status.ts';
import type { AutocertOptions, Place } from './options.ts';
import type { CertificateSource, SourceContext } from './source.ts';

/** How many names below localhost stay in memory. */
const cached = 1000;
/** How soon a new address of the machine is served, and a certificate that is near its end renewed. */
const interval = { seconds: 10 };
/** What is left of a certificate when it is renewed: a third. */
const renewedBeforeMs = 10 * 86_400_000;

/**
 * Serves localhost and the machine with certificates of the local CA of the user, and renews them.
 * @throws LocalCaError
 */
export async function developmentSource(context: SourceContext): Promise<CertificateSource> {
  const { options, place, clock, onError } = context;
  const openCa = async () => await localCa({ clock, ...options.localCa });
  const certificates = new LocalCertificates(await openCa(), context);
  await certificates.refresh();
  let announced: string | undefined;
  const announce = (url: string) => {
    announced = url;
    console.error(announcement(url, certificates.ca, options));
  };
  const stop = new AbortController();
  const following = follow({
    ...{ clock, signal: stop.signal, onError },
    async check() {
      if (!certificates.isDue()) return;
      await certificates.refresh(await openCa());
      if (announced !== undefined && certificates.ca.made !== 'earlier') announce(announced);
    },
  });
  return {
    name: placeName(place),
    inMemory: () => undefined,
    find: async (name) => await certificates.find(name),
    // No CA validates a name of the machine.
    findChallenge: async () => undefined,
    answer: () => false,
    onListening: announce,
    status: async () => certificates.status(),
    ready: async (signal) => signal?.throwIfAborted(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await following;
    },
  };
}

function placeName({ host = '::' }: Place): string {
  return host === '::' || host === '0.0.0.0' ? 'localhost' : host;
}

/** Returns the line that says what is served, where, and what a person has to do. */
function announcement(
  url: string,
  { made }: LocalCa,
  { names = [], allow }: AutocertOptions,
): string {
  const trust =
    made === 'earlier'
      ? 'where a client does not trust it, run npx acmex trust'
      : 'it is new: no client trusts it before you run npx acmex trust';
  const production =
    names.length > 0 || allow
      ? '; with NODE_ENV=production, your names get those of a public CA'
      : '';
  return `autocert: ${url} has a certificate of your local CA; ${trust}${production}`;
}

/** Calls `check` now and then, and reports a failure once, until it works again. */
async function follow({
  clock,
  signal,
  check,
  onError,
}: {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly check: () => Promise<void>;
  readonly onError: (error: unknown) => void;
}): Promise<void> {
  let isFailing = false;
  for (;;) {
    await clock.sleep(interval, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await check();
      isFailing = false;
    } catch (error) {
      if (!isFailing) onError(error);
      isFailing = true;
    }
  }
}

interface NamedCertificate {
  readonly notAfter: number;
  readonly context: SecureContext;
}

/** The certificates of localhost and the machine, and of names below localhost. */
class LocalCertificates {
  readonly #context: SourceContext;
  readonly #named = new LRUCache<string, Promise<NamedCertificate>>({ max: cached });
  /** Of clients without a server name, and of localhost. */
  #usual: LocalCertificate | undefined;
  #ca: LocalCa;

  constructor(ca: LocalCa, context: SourceContext) {
    this.#ca = ca;
    this.#context = context;
  }

  get ca(): LocalCa {
    return this.#ca;
  }

  status(): readonly CertificateStatus[] {
    if (!this.#usual) return [];
    const renewAt = new Date(this.#usual.notAfter - renewedBeforeMs).toISOString();
    return [{ ...servedOf(this.#usual), state: 'valid', renewAt, failure: undefined }];
  }

  /** Whether the machine has another address, or the certificate is near its end. */
  isDue(): boolean {
    if (!this.#usual || this.#isNearEnd(this.#usual)) return true;
    const { names } = this.#usual;
    return this.#ca.usualNames().some((name) => !names.includes(name));
  }

  /** Issues the certificate of clients without a server name again. */
  async refresh(ca = this.#ca): Promise<void> {
    if (ca.root !== this.#ca.root) this.#named.clear();
    this.#ca = ca;
    const usual = await ca.issue();
    this.#usual = usual;
    this.#context.servers.present({ cert: [usual.cert], key: [usual.key] });
    this.#report(usual);
  }

  /** Clients accept no wildcard of localhost: each name below it has a certificate. */
  async find(name: string): Promise<readonly SecureContext[] | undefined> {
    if (!name.endsWith('.localhost')) return undefined;
    try {
      return [(await this.#current(name)).context];
    } catch (error) {
      this.#named.delete(name);
      this.#context.onError(error);
      return undefined;
    }
  }

  async #current(name: string): Promise<NamedCertificate> {
    const issued = await this.#named.get(name);
    if (issued && !this.#isNearEnd(issued)) return issued;
    const issuing = this.#issue(name);
    this.#named.set(name, issuing);
    return await issuing;
  }

  async #issue(name: string): Promise<NamedCertificate> {
    const certificate = await this.#ca.issue([name]);
    this.#report(certificate);
    const { cert, key, notAfter } = certificate;
    return { notAfter, context: createSecureContext({ cert, key }) };
  }

  #isNearEnd({ notAfter }: { readonly notAfter: number }): boolean {
    return notAfter - this.#context.clock.now().epochMilliseconds <= renewedBeforeMs;
  }

  #report(certificate: LocalCertificate): void {
    this.#context.onServed(servedOf(certificate));
  }
}

function servedOf({ cert, names, notAfter }: LocalCertificate) {
  const serialNumber = new X509Certificate(cert).serialNumber.toLowerCase();
  return { names, notAfter: new Date(notAfter).toISOString(), serialNumber };
}
