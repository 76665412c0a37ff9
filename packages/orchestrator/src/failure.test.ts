import { readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { defineErrors, type ErrorTable } from '@acmex/errors';
import { ClientError } from '@acmex/client';
import { AcmeError } from '@acmex/protocol';
import { describe, expect, it } from '@jest/globals';
import { failureOf } from './failure.ts';

const root = join(import.meta.dirname, '../../..');

/** Returns the tables of all packages and applications. */
async function allTables(): Promise<readonly ErrorTable[]> {
  const files = ['packages', 'apps']
    .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
    .map((folder) => join(folder, 'src/errors.ts'))
    .filter((file) => existsSync(file));
  const modules = await Promise.all(
    files.map(async (file) => (await import(file)) as Readonly<Record<string, unknown>>),
  );
  return modules.flatMap((module) =>
    Object.entries(module)
      .filter(([name]) => name.endsWith('Errors'))
      .map(([, table]) => table as ErrorTable),
  );
}

/** Failures that time does not fix, of those that an order or a deployment can end with. */
const fixedByPerson = [
  'ERR_ACME_URL',
  'ERR_ACME_KEY',
  'ERR_ACME_IDENTIFIER',
  'ERR_ACME_UNSUPPORTED',
  'ERR_ACME_BAD_CSR',
  'ERR_ACME_BAD_PUBLIC_KEY',
  'ERR_ACME_BAD_SIGNATURE_ALGORITHM',
  'ERR_ACME_CAA',
  'ERR_ACME_EXTERNAL_ACCOUNT_REQUIRED',
  'ERR_ACME_INVALID_CONTACT',
  'ERR_ACME_INVALID_PROFILE',
  'ERR_ACME_REJECTED_IDENTIFIER',
  'ERR_ACME_UNSUPPORTED_CONTACT',
  'ERR_ACME_UNSUPPORTED_IDENTIFIER',
  'ERR_ACME_USER_ACTION_REQUIRED',
  'ERR_CLIENT_NO_SOLVER',
  'ERR_CLIENT_STATE',
  // Each further try would cost an issuance.
  'ERR_CERTIFICATE_KEY',
  'ERR_CERTIFICATE_NAMES',
  'ERR_CERTIFICATE_CA',
  'ERR_CERTIFICATE_CHAIN',
  'ERR_CERTIFICATE_VALIDITY',
  'ERR_ORCHESTRATOR_DUE_AT_ONCE',
  'ERR_KEY_FORMAT',
  'ERR_KEY_TYPE',
  'ERR_CSR_NAMES',
  'ERR_CHALLENGE_DRAFT',
  'ERR_CHALLENGE_PORT_DENIED',
  'ERR_CHALLENGE_MODULE',
  'ERR_DNS_CREDENTIALS',
  'ERR_DNS_ZONE_NOT_FOUND',
  'ERR_CONFIG_CREDENTIAL',
  'ERR_CONFIG_UNSAFE',
  'ERR_MANAGER_ISSUER',
  'ERR_MANAGER_TERMS',
  'ERR_MANAGER_EXTERNAL_ACCOUNT',
  'ERR_MANAGER_CHALLENGE',
  'ERR_MANAGER_MUST_STAPLE',
  'ERR_MANAGER_DEPLOY',
  'ERR_DEPLOY_TARGET',
  'ERR_DEPLOY_UNSAFE',
  'ERR_FILES_UNSAFE',
  'ERR_FILES_PROGRAM',
  'ERR_ORCHESTRATOR_ISSUER',
  'ERR_ORCHESTRATOR_NO_KEY',
  'ERR_ORCHESTRATOR_CANCELLED',
  'ERR_STORAGE_CORRUPT',
  'ERR_STORAGE_NEWER',
  'ERR_STORAGE_ENCRYPTION',
];

/** Failures that pass, as the next try can be different. */
const fixedByTime = [
  'ERR_ACME_UNREACHABLE',
  'ERR_ACME_TLS',
  'ERR_ACME_TIMEOUT',
  'ERR_ACME_ANSWER_LOST',
  'ERR_ACME_NOT_ACME',
  'ERR_ACME_ANSWER',
  'ERR_ACME_STATUS',
  'ERR_ACME_NO_NONCE',
  'ERR_ACME_POLL_LIMIT',
  'ERR_ACME_PROBLEM',
  'ERR_ACME_SERVER_INTERNAL',
  'ERR_ACME_ACCOUNT_DOES_NOT_EXIST',
  'ERR_ACME_ALREADY_REPLACED',
  'ERR_ACME_BAD_NONCE',
  'ERR_ACME_COMPOUND',
  'ERR_ACME_MALFORMED',
  'ERR_ACME_ORDER_NOT_READY',
  'ERR_ACME_RATE_LIMITED',
  'ERR_ACME_CONNECTION',
  'ERR_ACME_DNS',
  'ERR_ACME_INCORRECT_RESPONSE',
  'ERR_ACME_TLS_CHALLENGE',
  'ERR_ACME_UNAUTHORIZED',
  'ERR_CLIENT_VALIDATION_FAILED',
  'ERR_CHALLENGE_PORT_IN_USE',
  'ERR_CHALLENGE_LISTEN',
  'ERR_CHALLENGE_WEBROOT',
  'ERR_CHALLENGE_NOT_VISIBLE',
  'ERR_CHALLENGE_RECORD',
  'ERR_DNS_LOOKUP',
  'ERR_DNS_API',
  'ERR_DNS_NOT_VISIBLE',
  'ERR_DNS_HOOK',
  'ERR_DNS_RATE_LIMITED',
  'ERR_DEPLOY_FILE',
  'ERR_DEPLOY_HOOK',
  'ERR_DEPLOY_PROBE',
  'ERR_ORCHESTRATOR_CA_UNAVAILABLE',
  'ERR_ORCHESTRATOR_HELD',
  'ERR_ORCHESTRATOR_KEY_COMPROMISED',
  'ERR_STORAGE_CONFLICT',
  'ERR_STORAGE_LOCK_LOST',
  'ERR_STORAGE_UNAVAILABLE',
];

describe('a failure', () => {
  it('says for every code of every package if time or a person fixes it', async () => {
    const permanent = new Map<string, boolean>();
    for (const table of await allTables()) {
      const TableError = defineErrors('Any', table);
      for (const code of Object.keys(table) as (keyof typeof table)[])
        permanent.set(code, failureOf(new TableError(code, 'no')).permanent);
    }
    expect(permanent.size).toBeGreaterThan(150);
    const decided = [...fixedByPerson, ...fixedByTime];
    expect(decided.filter((code) => !permanent.has(code))).toEqual([]);
    expect(decided.filter((code) => permanent.get(code))).toEqual(fixedByPerson);
  });

  it('of unknown origin may pass', () => {
    expect(failureOf(new Error('no'))).toMatchObject({ code: 'ERR_UNKNOWN', permanent: false });
    expect(failureOf('no').permanent).toBe(false);
  });

  it.each([
    ['caa', true],
    ['rejectedIdentifier', true],
    ['connection', false],
    ['unauthorized', false],
  ])('of several names is for a person if one of them is: %s', (word, permanent) => {
    const type = (name: string) => `urn:ietf:params:acme:error:${name}`;
    const problems = [{ type: type('dns') }, { type: type(word) }];
    const validation = new ClientError('ERR_CLIENT_VALIDATION_FAILED', 'no', {
      failures: problems.map((problem, index) => ({
        identifier: { type: 'dns', value: `n${index}.test` },
        wildcard: false,
        challenge: 'dns-01',
        problem,
        hint: '',
      })),
    });
    const compound = new AcmeError('ERR_ACME_COMPOUND', 'no', {
      problem: { type: type('compound'), subproblems: problems },
    });
    expect(failureOf(validation).permanent).toBe(permanent);
    expect(failureOf(compound).permanent).toBe(permanent);
  });
});
