import { type Records, records } from '@acmex/storage';

/**
 * The records of one kind, each under `ca/<kind>/<id>`.
 * @param secret whether the values must not be stored in clear text where others can read them
 */
export function recordsOf<T>(
  kind: string,
  { secret = false }: { readonly secret?: boolean } = {},
): Records<T> {
  const check = (record: unknown) => record as T;
  return records<T>({ kind, version: 1, check, under: `ca/${kind}`, secret });
}
