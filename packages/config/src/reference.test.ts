import { describe, expect, it } from '@jest/globals';
import { configReference, configSchema, dnsProviderTypes } from './index.ts';
import { configKeys } from './config-keys.ts';
import { variablesOf } from './variables.ts';
import { wellKnownIssuers } from './well-known-issuers.ts';

const keys = configKeys(configSchema());

describe('the reference', () => {
  it('has a line with a meaning for every key', () => {
    expect(
      keys.filter(({ schema }) => !schema.description).map(({ path }) => path.join('.')),
    ).toEqual([]);
    const rows = configReference().trimEnd().split('\n');
    expect(rows).toHaveLength(keys.length + 2);
    expect(rows).toContain(
      '| `renewal.check_interval` | 1 to 86400 | `60` | `ACMEX_RENEWAL_CHECK_INTERVAL` | How often the daemon scans the storage for changes by other processes, in seconds. It renews what becomes due without a scan. |',
    );
    expect(rows).toContain(
      `| \`challenge.dns01.providers[].type\` | ${dnsProviderTypes.map((type) => `\`${type}\``).join(', ')} |  |  | The kind of host; name by default. |`,
    );
    expect(rows).toContain(
      '| `acme.ca_environment` | `production`, `staging` | `production` | `ACMEX_ACME_ENV` `ACMEX_ACME_CA_ENVIRONMENT` | production issues trusted certificates; staging issues certificates for tests. |'.replace(
        '`production` | `ACMEX',
        '`"production"` | `ACMEX',
      ),
    );
  });

  it('gives no variable to two keys, and none to a program with its arguments', () => {
    const variables = keys.flatMap(variablesOf);
    expect(new Set(variables).size).toBe(variables.length);
    expect(variables).toEqual(
      expect.arrayContaining([
        'ACMEX_ACME_CA',
        'ACMEX_ACME_ENV',
        'ACMEX_ACME_CUSTOM_URL',
        'ACMEX_STORAGE_BACKEND',
        'ACMEX_STORAGE_REDIS_URL',
        'ACMEX_CHALLENGE_TYPE',
        'ACMEX_RENEWAL_CHECK_INTERVAL',
        'ACMEX_RENEWAL_BEFORE_DAYS',
        'ACMEX_API_KEYS',
      ]),
    );
    expect(variables).not.toContain('ACMEX_RENEWAL_HOOKS_AFTER');
  });

  it('is a JSON Schema that knows which keys are credentials, and takes no others than those that there are', () => {
    const schema = configSchema();
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      additionalProperties: false,
    });
    expect(schema.required).toBeUndefined();
    expect(
      keys.filter(({ schema: property }) => property.writeOnly).map(({ path }) => path.join('.')),
    ).toEqual(
      expect.arrayContaining([
        'storage.encrypted.encryption_key',
        'challenge.dns01.api_token',
        'notifications.email.[].password',
      ]),
    );
  });

  it('knows public CAs by https alone', () => {
    for (const { directory } of Object.values(wellKnownIssuers))
      expect(new URL(directory).protocol).toBe('https:');
  });
});
