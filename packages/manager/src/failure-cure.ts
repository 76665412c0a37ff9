import { certificateErrors } from '@acmex/certificate';
import { challengeErrors } from '@acmex/challenge/http-01';
import { checkErrors } from '@acmex/check/errors';
import { clientErrors } from '@acmex/client';
import { signerErrors } from '@acmex/crypto-exec';
import { deployErrors } from '@acmex/deploy';
import { dnsErrors } from '@acmex/dns';
import { egressErrors } from '@acmex/egress';
import type { ErrorEntry } from '@acmex/errors';
import { identifierErrors } from '@acmex/identifier';
import { orchestratorErrors } from '@acmex/orchestrator';
import { acmeErrors } from '@acmex/protocol';
import { storageErrors } from '@acmex/storage';
import { managerErrors } from './errors.ts';

/** What an order or a deployment can fail with. */
const tables: Readonly<Record<string, ErrorEntry>> = {
  ...identifierErrors,
  ...acmeErrors,
  ...certificateErrors,
  ...signerErrors,
  ...challengeErrors,
  ...checkErrors,
  ...clientErrors,
  ...dnsErrors,
  ...egressErrors,
  ...storageErrors,
  ...orchestratorErrors,
  ...deployErrors,
  ...managerErrors,
};

/**
 * Returns what to do about the failure of an order or a deployment.
 *
 * @param code that of the failure in the record
 * @returns undefined for a code that this package does not know
 */
export function failureCure(code: string): string | undefined {
  return Object.hasOwn(tables, code) ? tables[code]?.cure : undefined;
}
