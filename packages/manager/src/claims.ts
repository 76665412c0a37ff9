import type { Clock } from '@acmex/clock';
import { records, schemaCheck, type Storage, writeIfUnchanged } from '@acmex/storage';
import * as z from 'zod';

/** Says when a process has last begun what only one process does in an interval. */
const claims = records<{ readonly at: string }>({
  kind: 'claim',
  version: 1,
  check: schemaCheck(z.looseObject({ at: z.iso.datetime() })),
  under: 'policy',
});

/**
 * Claims something that one of all processes with a storage does in an interval.
 * @returns whether no process has claimed it in this interval
 */
export async function claim(
  name: 'heartbeat' | 'served',
  {
    storage,
    intervalMs,
    clock,
  }: { readonly storage: Storage; readonly intervalMs: number; readonly clock: Clock },
): Promise<boolean> {
  const now = clock.now();
  const last = await claims.read(storage, name);
  const passed = last && now.epochMilliseconds - Date.parse(last.record.at);
  // A clock may have been set back.
  if (passed !== undefined && passed >= 0 && passed < intervalMs) return false;
  const record = { at: now.toString() };
  return await writeIfUnchanged(storage, [
    last ? claims.changed(last, record) : claims.added(name, record),
  ]);
}
