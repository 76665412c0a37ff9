import { type CheckResult, runChecks } from '@acmex/check';
import type { CheckedCertificate, CheckOptions } from './checked-certificate.ts';
import { challengeChecks } from './checking-challenge.ts';
import { type CheckingSettings, checkContext } from './checking-context.ts';
import { deployChecks, deployTargetChecks } from './checking-deploy.ts';
import { specChecks } from './checking-spec.ts';

/**
 * Checks, without an order, what would make the orders of certificates fail: see `docs/check.md`.
 * Nothing is sent to a CA but the request for its directory.
 * @returns the results: of the storage, the CAs and the deploy targets first, then those of each certificate
 * @throws the reason of the signal
 */
export async function checkCertificates(
  certificates: readonly CheckedCertificate[],
  { kinds, further = [], ...options }: CheckOptions,
  settings: CheckingSettings,
): Promise<readonly CheckResult[]> {
  const context = checkContext(settings, options);
  const issuers = new Set(certificates.map(({ issuer }) => issuer));
  const checks = [
    ...further,
    context.storageCheck,
    ...[...issuers].flatMap((name) => context.issuer(name).checks),
    ...deployTargetChecks(certificates, context),
    ...certificates.flatMap((certificate) => [
      ...specChecks(certificate, context),
      ...deployChecks(certificate, context),
      ...challengeChecks(certificate, context),
    ]),
  ];
  const wanted = checks.filter(({ kind }) => kinds?.includes(kind) ?? true);
  return await runChecks(wanted, { ...options, clock: settings.clock });
}
