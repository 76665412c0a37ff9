import { hkdfSync, randomBytes } from 'node:crypto';
import type { Clock } from '@acmex/clock';
import { records, schemaCheck, type Storage, untilWritten } from '@acmex/storage';
import * as z from 'zod';

const secrets = records<{ readonly secret: string }>({
  kind: 'secret of session tickets',
  version: 1,
  check: schemaCheck(z.looseObject({ secret: z.string() })),
  under: 'https-tickets',
  secret: true,
});
const id = 'secret';
const dayMs = 86_400_000;

/** The keys of session tickets: the same in all processes that share a storage, new each day. */
export interface TicketKeys {
  /** Returns those of today: 48 bytes, as `tls.Server.setTicketKeys` takes them. */
  current(): Buffer;
  /** How long those are used, in milliseconds. */
  untilNext(): number;
}

/** Reads the secret that the keys are derived from, or writes it. */
export async function ticketKeys(storage: Storage, clock: Clock): Promise<TicketKeys> {
  const secret = await untilWritten(async () => {
    const stored = await secrets.read(storage, id);
    if (stored) return stored.record.secret;
    const created = randomBytes(32).toString('base64');
    await storage.write([secrets.added(id, { secret: created })]);
    return created;
  });
  const today = () => Math.floor(clock.now().epochMilliseconds / dayMs);
  return {
    current: () =>
      Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'base64'), '', `day ${today()}`, 48)),
    untilNext: () => (today() + 1) * dayMs - clock.now().epochMilliseconds,
  };
}
