import { Server, type TlsOptions } from 'node:tls';
import type { Clock } from '@acmex/clock';
import { HttpsError } from './errors.ts';
import type { OcspStaples } from './ocsp-staples.ts';
import type { TicketKeys } from './ticket-keys.ts';

/** What a server presents to clients without a server name. */
export interface DefaultCertificate {
  /** PEM: one chain for each key. */
  readonly cert: readonly string[];
  /** PEM */
  readonly key: readonly string[];
}

/** The TLS servers of a program, whose certificate and ticket keys change while they listen. */
export class Servers {
  readonly #clock: Clock;
  readonly #onHandshake: ((error?: unknown) => void) | undefined;
  readonly #stop = new AbortController();
  readonly #servers = new Set<Server>();
  #default: DefaultCertificate = { cert: [], key: [] };
  /** Absent where no certificate names an OCSP responder. */
  #staples: OcspStaples | undefined;
  /** Absent where each server has keys of its own. */
  #tickets: TicketKeys | undefined;

  constructor(clock: Clock, onHandshake?: (error?: unknown) => void) {
    this.#clock = clock;
    this.#onHandshake = onHandshake;
  }

  /** What a new server begins with. */
  get options(): Pick<TlsOptions, 'cert' | 'key' | 'ticketKeys'> {
    return { ...contextOf(this.#default), ...this.#ticketKeys() };
  }

  /** @throws HttpsError `ERR_HTTPS_OPTION` */
  attach(server: Server): void {
    if (!(server instanceof Server))
      throw new HttpsError(
        'ERR_HTTPS_OPTION',
        'the server does not serve HTTPS: create it with options or http2Options',
      );
    this.#servers.add(server);
    const onHandshake = this.#onHandshake;
    if (onHandshake) {
      server.on('secureConnection', () => onHandshake());
      server.on('tlsClientError', (error) => onHandshake(error));
    }
    if (this.#staples) server.on('OCSPRequest', this.#staples.answer);
    server.once('close', () => this.#servers.delete(server));
    this.#update(server);
  }

  /** Presents a certificate to clients without a server name from now on. */
  present({ cert, key }: DefaultCertificate): void {
    this.#default = { cert, key };
    for (const server of this.#servers) this.#update(server);
  }

  /** Staples these OCSP responses from now on. Without it, no handshake pays for the event. */
  staple(staples: OcspStaples): void {
    if (this.#staples) return;
    this.#staples = staples;
    for (const server of this.#servers) server.on('OCSPRequest', staples.answer);
  }

  /** Encrypts session tickets with these keys, and with new ones when a day begins. */
  rotate(tickets: TicketKeys): void {
    this.#tickets = tickets;
    void this.#rotateDaily(tickets);
  }

  close(): void {
    this.#stop.abort();
  }

  #update(server: Server): void {
    server.setSecureContext(contextOf(this.#default));
    const { ticketKeys } = this.#ticketKeys();
    if (ticketKeys) server.setTicketKeys(ticketKeys);
  }

  #ticketKeys(): Pick<TlsOptions, 'ticketKeys'> {
    return this.#tickets ? { ticketKeys: this.#tickets.current() } : {};
  }

  async #rotateDaily(tickets: TicketKeys): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const milliseconds = Math.max(1000, tickets.untilNext());
      await this.#clock.sleep({ milliseconds }, { signal }).catch(() => undefined);
      for (const server of this.#servers) server.setTicketKeys(tickets.current());
    }
  }
}

function contextOf({ cert, key }: DefaultCertificate) {
  return { cert: [...cert], key: [...key] };
}
