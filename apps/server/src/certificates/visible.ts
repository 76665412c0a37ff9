import type { ManagedCertificate } from '@acmex/orchestrator';
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

/** Returns the error of a certificate that has no content yet. */
export function notIssued(id: string): ServerError {
  return new ServerError(
    'ERR_SERVER_NOT_FOUND',
    `the certificate ${id} was not issued yet: wait until its order has succeeded`,
  );
}
