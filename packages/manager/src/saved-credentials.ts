import { records, schemaCheck, type Storage, untilWritten } from '@acmex/storage';
import * as z from 'zod';

/** Variables of DNS providers, stored at the user's request. */
const credentials = records<Readonly<Record<string, string>>>({
  kind: 'saved credentials',
  version: 1,
  check: schemaCheck(z.record(z.string(), z.string())),
  under: 'credential',
  secret: true,
});
const location = 'dns-exec';

/** Adds variables to the stored ones, and to those that another process adds at the same moment. */
export async function saveCredentials(
  storage: Storage,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  await untilWritten(async () => {
    const stored = await credentials.read(storage, location);
    await storage.write([
      stored
        ? credentials.changed(stored, { ...stored.record, ...values })
        : credentials.added(location, values),
    ]);
  });
}

/** Returns the stored variables. */
export async function savedCredentials(
  storage: Storage,
): Promise<Readonly<Record<string, string>>> {
  return (await credentials.read(storage, location))?.record ?? {};
}
