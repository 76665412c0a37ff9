import type { Server, TlsOptions } from 'node:tls';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import type { Clock } from '@acmex/clock';
import { identifiers } from '@acmex/identifier';
import type { ServedCertificate } from './contexts.ts';
import type { TicketKeys } from './ticket-keys.ts';

/** What a server presents to clients without a server name. */
interface DefaultCertificate {
  /** PEM: one chain for each key. */
  readonly cert: readonly string[];
  /** PEM */
  readonly key: readonly string[];
}

/** The TLS servers of a program, whose certificate and ticket keys change while they listen. */
export class Servers {
  readonly #clock: Clock;
  readonly #tickets: TicketKeys;
  readonly #stop = new AbortController();
  readonly #servers = new Set<Server>();
  #default: DefaultCertificate;

  constructor(
    initial: DefaultCertificate,
    { clock, tickets }: { readonly clock: Clock; readonly tickets: TicketKeys },
  ) {
    this.#default = initial;
    this.#clock = clock;
    this.#tickets = tickets;
    void this.#rotate();
  }

  /** What a new server begins with. */
  get options(): Pick<TlsOptions, 'cert' | 'key' | 'ticketKeys'> {
    return { ...contextOf(this.#default), ticketKeys: this.#tickets.current() };
  }

  attach(server: Server): void {
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    this.#update(server);
  }

  /** Presents a certificate to clients without a server name from now on. */
  present({ cert, key }: ServedCertificate): void {
    this.#default = { cert, key };
    for (const server of this.#servers) this.#update(server);
  }

  close(): void {
    this.#stop.abort();
  }

  #update(server: Server): void {
    server.setSecureContext(contextOf(this.#default));
    server.setTicketKeys(this.#tickets.current());
  }

  /** Gives each server new ticket keys when a day begins. */
  async #rotate(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const milliseconds = Math.max(1000, this.#tickets.untilNext());
      await this.#clock.sleep({ milliseconds }, { signal }).catch(() => undefined);
      for (const server of this.#servers) server.setTicketKeys(this.#tickets.current());
    }
  }
}

/** Returns a certificate for the time until a CA has issued one: no client trusts it. */
export async function selfSigned(name: string): Promise<DefaultCertificate> {
  const key = await webcrypto().generate('ec-p256');
  const cert = await createSelfSigned({ identifiers: identifiers([name]), key });
  return { cert: [cert], key: [Buffer.from(await privateKeyPem(key)).toString()] };
}

function contextOf({ cert, key }: DefaultCertificate) {
  return { cert: [...cert], key: [...key] };
}
