import { errorCode } from '@acmex/errors';
import { reportSoak } from '@acmex/services';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { configFolder } from './config.testing.ts';
import { configKeys } from './config-keys.ts';
import { checkConfig, configSchema, openNetwork, storageOf, weakCredentials } from './index.ts';
import { variablesOf } from './variables.ts';

/** Every variable that the configuration reads, and those that all programs share. */
const variables = [
  ...configKeys(configSchema()).flatMap((key) =>
    variablesOf(key).flatMap((name) =>
      key.schema.writeOnly === true ? [name, `${name}_FILE`] : [name],
    ),
  ),
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'],
  ...['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'],
];

it('reads an environment that another program set, and fails only with a fault that names the variable', async () => {
  // Reading a configuration takes a while: each time many variables are set.
  const runs = process.env.ACMEX_SOAK === 'config' ? 800 : 12;
  const seed = Number(process.env.ACMEX_SEED ?? 20_261_128);
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.json({ maxDepth: 1 }),
    fc.constantFrom(
      '{broken',
      '1e400',
      '-1',
      '::',
      'http://[',
      '%',
      '/',
      '.',
      '${X}',
      '\u0000',
      ',',
    ),
  );
  await using folder = await configFolder('');
  let [count, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.constantFrom(...variables), text, { minKeys: 1, maxKeys: 30, size: 'max' }),
      async (environment) => {
        const options = { ...folder.options, environment };
        const { config, faults } = await checkConfig(options);
        count += Object.keys(environment).length;
        refused += faults.length;
        if (!config) {
          expect(faults.length).toBeGreaterThan(0);
          return;
        }
        await weakCredentials(config);
        for (const use of [
          async () => storageOf(config),
          async () => await openNetwork(config, options),
        ]) {
          const error = await use().then(
            () => undefined,
            (cause: unknown) => cause,
          );
          if (error !== undefined && !/^ERR_[A-Z]+_/.test(errorCode(error) ?? '')) throw error;
        }
      },
    ),
    { numRuns: runs, seed },
  );
  reportSoak(
    `${count} values of ${variables.length} variables were read, ${refused} refused (ACMEX_SEED=${seed})`,
  );
  expect(count).toBeGreaterThan(runs * 5);
});
