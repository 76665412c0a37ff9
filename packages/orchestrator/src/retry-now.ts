import { type Clock, milliseconds, timestamp } from '@acmex/clock';
import type { Storage } from '@acmex/storage';
import { Breakers } from './breaker.ts';
import { type Failure, type ManagedCertificate, withOrderDue } from './certificate-record.ts';
import { allIssuers } from './certificate-spec.ts';
import type { CertificateStore } from './certificate-store.ts';

interface Resources {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly certificates: CertificateStore;
}

/** Clocks of machines differ by less. */
const clockDifference = { minutes: 1 };

/** @see Provisioner.retryNow */
export async function retryNow(
  { storage, clock, certificates }: Resources,
  id: string,
): Promise<void> {
  const breakers = new Breakers({ storage, clock });
  for (const issuer of allIssuers(await certificates.get(id))) await breakers.tryNow(issuer);
  const retryAt = timestamp(clock.now());
  await certificates.change(id, (summary) => ({
    ...withOrderDue(summary, retryAt),
    deployFailure: summary.deployFailure && { ...summary.deployFailure, retryAt },
  }));
}

/** @see Provisioner.retryAfterSetBack */
export async function retryAfterSetBack(
  resources: Resources,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const latest = resources.clock.now().epochMilliseconds + milliseconds(clockDifference);
  const isAhead = (failure: Failure | undefined) =>
    failure !== undefined && Date.parse(failure.at) > latest;
  const waiting = await failing(
    resources,
    ({ failure, deployFailure }) => isAhead(failure) || isAhead(deployFailure),
    signal,
  );
  for (const id of waiting) await retryNow(resources, id);
  return waiting;
}

/** @see Provisioner.resumeIssuer */
export async function resumeIssuer(
  resources: Resources,
  issuer: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const waiting = await failing(
    resources,
    (certificate) => waitsForPerson(certificate, issuer),
    signal,
  );
  await new Breakers(resources).tryNow(issuer);
  for (const id of waiting) await retryNow(resources, id);
  return waiting;
}

/** Returns the ids of the certificates with a failure that a condition holds for. */
async function failing(
  { certificates }: Resources,
  isWanted: (certificate: ManagedCertificate) => boolean,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await certificates.page({ failing: true, limit: 500, cursor });
    for (const certificate of page.certificates)
      if (isWanted(certificate)) ids.push(certificate.id);
    cursor = page.next;
    signal?.throwIfAborted();
  } while (cursor !== undefined);
  return ids;
}

/** Whether the last order of a certificate has failed because a CA wants a person to act. */
function waitsForPerson(certificate: ManagedCertificate, issuer: string): boolean {
  const { code = '' } = certificate.failure ?? {};
  return (
    ['ERR_ACME_USER_ACTION_REQUIRED', 'ERR_ORCHESTRATOR_ACTION_REQUIRED'].includes(code) &&
    allIssuers(certificate).includes(issuer)
  );
}
