import { printable } from '@acmex/errors';
import { ServerError } from '@acmex/server/keys';
import { scopedStorage, type Storage } from '@acmex/storage';

/**
 * Returns the part of the storage that belongs to a tenant; `default` has the root.
 * @param names those that may be used
 * @throws ServerError `ERR_SERVER_TENANT` for any other name
 */
export function tenantStorage(
  storage: Storage,
  { name, names }: { readonly name: string; readonly names: readonly string[] },
): Storage {
  if (!names.includes(name))
    throw new ServerError(
      'ERR_SERVER_TENANT',
      `the configuration has no tenant "${printable(name, 50)}": use ${names.join(' or ')}`,
    );
  return name === 'default' ? storage : scopedStorage(storage, `tenant/${name}`);
}
