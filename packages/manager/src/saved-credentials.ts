import { records, type Storage } from '@acmex/storage';

/** Variables of DNS providers, stored at the user's request. */
const credentials = records<Readonly<Record<string, string>>>({
  kind: 'saved credentials',
  version: 1,
  under: 'credential',
  secret: true,
});
const location = 'dns-exec';

/** Adds variables to the stored ones. */
export async function saveCredentials(
  storage: Storage,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  await storage.write([
    credentials.put(location, { ...(await savedCredentials(storage)), ...values }),
  ]);
}

/** Returns the stored variables. */
export async function savedCredentials(
  storage: Storage,
): Promise<Readonly<Record<string, string>>> {
  return (await credentials.read(storage, location))?.record ?? {};
}
