import type { AuthorityState } from '@acmex/ca';
import type { Storage } from '@acmex/storage';
import { type Caller, isOperator } from '../access/caller.ts';
import { ServerError } from '../errors.ts';
import type { CaLibrary } from './ca-library.ts';

type Library = Awaited<ReturnType<CaLibrary['load']>>;

/** @throws ServerError `ERR_SERVER_FORBIDDEN` for a key of a tenant, or one for some names only */
export function assertOperator(caller: Caller): void {
  if (!isOperator(caller))
    throw new ServerError(
      'ERR_SERVER_FORBIDDEN',
      'the CA belongs to the operator of the server: use a key of the default tenant that may use all names',
    );
}

/**
 * Returns the library, for work on the CA that the storage holds.
 * @throws ServerError `ERR_SERVER_FORBIDDEN`; CaError `ERR_CA_MISSING`
 */
export async function operatedCa(
  caller: Caller,
  { storage, ca }: { readonly storage: Storage; readonly ca: CaLibrary },
): Promise<{ readonly library: Library; readonly state: AuthorityState }> {
  assertOperator(caller);
  const library = await ca.load();
  const state = await library.authorityState(storage);
  if (!state)
    throw new library.CaError(
      'ERR_CA_MISSING',
      "the server's storage holds no CA: make one with acmex ca init and the same acmex.toml",
    );
  return { library, state };
}
