import { type Clock, systemClock, withTimeLimit, timestamp } from '@acmex/clock';
import { errorText, printable } from '@acmex/errors';
import { records, schemaCheck, type Storage } from '@acmex/storage';
import * as z from 'zod';
import { checkpointsFrom, lastCheckpointNumber, type SignedCheckpoint } from './checkpoint.ts';
import { AuditError } from '../errors.ts';

export interface NumberedCheckpoint extends SignedCheckpoint {
  readonly number: number;
}

/** A place outside of the storage that checkpoints are sent to. */
export interface CheckpointDestination {
  /** `file`, `syslog` or `webhook`. */
  readonly name: string;
  /** Sends a checkpoint once. The same one may be sent again. */
  send(checkpoint: NumberedCheckpoint, options: { readonly signal: AbortSignal }): Promise<void>;
}

/** Which checkpoints a destination has. */
interface DeliveryState {
  /** The number of the last checkpoint that was sent; 0 before the first. */
  readonly sent: number;
  /** Why the next one could not be sent. */
  readonly failure?: string | undefined;
  /** Since when it cannot be sent, RFC 3339. */
  readonly failingSince?: string | undefined;
}

export interface CheckpointDelivery extends DeliveryState {
  readonly destination: string;
  /** How many checkpoints wait. */
  readonly unsent: number;
}

const text = z.string().optional();
const states = records<DeliveryState>({
  kind: 'state of a destination of checkpoints',
  version: 1,
  check: schemaCheck(
    z.looseObject({ sent: z.int().nonnegative(), failure: text, failingSince: text }),
  ),
  under: 'audit/sent',
});
/** How many checkpoints are sent in one run; the next run continues. */
const mostAtOnce = 200;
const longestFailure = 500;

/**
 * Sends the checkpoints that a destination does not have, in their order, as far as that succeeds.
 * What fails is stored, and is sent by the next run of any process. Several processes may send the
 * same checkpoint.
 * @throws AuditError `ERR_AUDIT_SEND`
 */
export async function deliverCheckpoints(
  storage: Storage,
  destination: CheckpointDestination,
  { clock = systemClock }: { readonly clock?: Clock | undefined } = {},
): Promise<void> {
  const { name } = destination;
  const state = await stateOf(storage, name);
  let { sent } = state;
  let failure: unknown;
  for await (const checkpoint of checkpointsFrom(storage, sent + 1, { limit: mostAtOnce })) {
    try {
      await withTimeLimit({ clock, limit: 'PT10S' }, async (signal) => {
        await destination.send(checkpoint, { signal });
      });
      sent = checkpoint.number;
    } catch (error) {
      failure = error;
      break;
    }
  }
  if (failure === undefined) {
    if (sent !== state.sent || state.failure !== undefined)
      await storage.write([states.put(name, { sent })]);
    return;
  }
  const reason = printable(errorText(failure), longestFailure);
  const failingSince = state.failingSince ?? timestamp(clock.now());
  if (sent !== state.sent || reason !== state.failure)
    await storage.write([states.put(name, { sent, failure: reason, failingSince })]);
  throw new AuditError(
    'ERR_AUDIT_SEND',
    `${name}: checkpoint ${sent + 1} of the audit log could not be sent, and is sent again: ${reason}`,
    { cause: failure },
  );
}

async function stateOf(storage: Storage, destination: string): Promise<DeliveryState> {
  const stored = await states.read(storage, destination);
  // A state that is ahead is that of another storage, or was changed: everything is sent again.
  const isAhead = (stored?.record.sent ?? 0) > (await lastCheckpointNumber(storage));
  return !stored || isAhead ? { sent: 0 } : stored.record;
}

/** Returns how many checkpoints wait for each destination, and why. */
export async function checkpointDeliveries(
  storage: Storage,
  destinations: readonly string[],
): Promise<readonly CheckpointDelivery[]> {
  const last = await lastCheckpointNumber(storage);
  return await Promise.all(
    destinations.map(async (destination) => {
      const { sent, failure, failingSince } = await stateOf(storage, destination);
      return { destination, sent, failure, failingSince, unsent: Math.max(0, last - sent) };
    }),
  );
}
