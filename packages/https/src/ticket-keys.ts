import { hkdfSync, randomBytes } from 'node:crypto';
import type { Clock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
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

/**
 * Reads the secret that the keys are derived from, or writes it. A damaged one is reported and
 * replaced: then clients make whole handshakes once more.
 * @throws StorageError where the storage cannot be used
 */
export async function ticketKeys(
  storage: Storage,
  clock: Clock,
  onError: (error: unknown) => void,
): Promise<TicketKeys> {
  const write = async (change: typeof secrets.added | typeof secrets.put) => {
    const secret = randomBytes(32).toString('base64');
    await storage.write([change(id, { secret })]);
    return secret;
  };
  const secret = await untilWritten(async () => {
    const stored = await secrets.read(storage, id);
    return stored ? stored.record.secret : await write(secrets.added);
  }).catch(async (error: unknown) => {
    if (errorCode(error) !== 'ERR_STORAGE_CORRUPT') throw error;
    onError(error);
    return await write(secrets.put);
  });
  const today = () => Math.floor(clock.now().epochMilliseconds / dayMs);
  return {
    current: () =>
      Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'base64'), '', `day ${today()}`, 48)),
    untilNext: () => (today() + 1) * dayMs - clock.now().epochMilliseconds,
  };
}
