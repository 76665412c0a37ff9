import { records, type Storage } from '@acmex/storage';

/** Variables by which DNS records are written, kept because their user asked for it. */
const credentials = records<Readonly<Record<string, string>>>({
  kind: 'saved credentials',
  version: 1,
  under: 'credential',
  secret: true,
});
const place = 'dns-exec';

/** Adds to what is kept. */
export async function saveCredentials(
  storage: Storage,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  await storage.write([
    credentials.put(place, { ...(await savedCredentials(storage)), ...values }),
  ]);
}

export async function savedCredentials(
  storage: Storage,
): Promise<Readonly<Record<string, string>>> {
  return (await credentials.read(storage, place))?.record ?? {};
}
