import type { Generation, ManagedCertificate } from '@acmex/orchestrator';
import { type Caller, maySee } from '../access/caller.ts';
import { ServerError } from '../errors.ts';

/**
 * A certificate that the caller may see: one of others is not there.
 * @throws ServerError `ERR_SERVER_NOT_FOUND`
 */
export async function visible(caller: Caller, id: string): Promise<ManagedCertificate> {
  const certificate = await caller.tenant.manager.provisioner.certificates.find(id);
  if (certificate && maySee(caller, certificate.names)) return certificate;
  throw new ServerError('ERR_SERVER_NOT_FOUND', `there is no certificate ${id}`);
}

/**
 * What of a certificate is in use: its chains and its key.
 * @throws ServerError `ERR_SERVER_NOT_FOUND` before the first issue, and where the one in use still
 * has names that are not the caller's
 */
export async function contentInUse(
  caller: Caller,
  { id, current }: ManagedCertificate,
): Promise<Generation> {
  const content =
    current &&
    (await caller.tenant.manager.provisioner.certificates.generation(id, current.generation));
  if (content && maySee(caller, content.names)) return content;
  throw new ServerError(
    'ERR_SERVER_NOT_FOUND',
    `the certificate ${id} was not issued yet: wait until its order has succeeded`,
  );
}
