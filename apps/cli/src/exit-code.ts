import { agentErrors } from '@acmex/agent';
import { caErrors } from '@acmex/ca';
import { certificateErrors } from '@acmex/certificate';
import { signerErrors } from '@acmex/crypto-exec';
import { challengeErrors } from '@acmex/challenge/http-01';
import { checkErrors } from '@acmex/check/errors';
import { clientErrors } from '@acmex/client';
import { deployErrors } from '@acmex/deploy';
import { dnsErrors } from '@acmex/dns';
import { configErrors } from '@acmex/config';
import { egressErrors } from '@acmex/egress';
import { errorCode } from '@acmex/errors';
import { localCaErrors } from '@acmex/local-ca/errors';
import { managerErrors } from '@acmex/manager';
import { notificationsErrors } from '@acmex/notifications';
import { auditErrors } from '@acmex/observability/audit';
import { observabilityErrors } from '@acmex/observability';
import { orchestratorErrors } from '@acmex/orchestrator';
import { identifierErrors } from '@acmex/identifier';
import { importErrors } from '@acmex/import';
import { probeErrors } from '@acmex/probe';
import { keystoreErrors } from '@acmex/pkcs12';
import { acmeErrors } from '@acmex/protocol';
import { serverErrors } from '@acmex/server/keys';
import { storageErrors } from '@acmex/storage';
import { trustStoresErrors } from '@acmex/trust-stores/errors';
import { cliErrors } from './errors.ts';

const tables: Readonly<Record<string, { readonly exit: number }>> = {
  ...identifierErrors,
  ...acmeErrors,
  ...certificateErrors,
  ...signerErrors,
  ...keystoreErrors,
  ...challengeErrors,
  ...checkErrors,
  ...clientErrors,
  ...dnsErrors,
  ...storageErrors,
  ...auditErrors,
  ...caErrors,
  ...orchestratorErrors,
  ...configErrors,
  ...managerErrors,
  ...deployErrors,
  ...agentErrors,
  ...egressErrors,
  ...notificationsErrors,
  ...probeErrors,
  ...importErrors,
  ...serverErrors,
  ...observabilityErrors,
  ...localCaErrors,
  ...trustStoresErrors,
  ...cliErrors,
};

/** Returns the stable code of an error; undefined for an internal error, which has none. */
export function codeOf(error: unknown): string | undefined {
  const code = errorCode(error);
  return code !== undefined && Object.hasOwn(tables, code) ? code : undefined;
}

/**
 * Returns 1 internal error · 2 usage · 3 local · 4 CA or network unreachable · 5 refused by the CA
 * · 6 validation failed · 7 rate limited · 8 issued, not deployed · 9 done in part
 */
export function exitCodeOf(error: unknown): number {
  const code = codeOf(error);
  return code === undefined ? 1 : exitCodeOfCode(code);
}

/** Returns the exit code of an error code; 1 for a code that is not in a table. */
export function exitCodeOfCode(code: string): number {
  return (Object.hasOwn(tables, code) ? tables[code]?.exit : undefined) ?? 1;
}
