import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ESLint } from 'eslint';

const root = join(import.meta.dirname, '../../..');
const wrong = [
  [
    'clock imports protocol',
    'packages/clock/src/clock.ts',
    "import type { Problem } from '@acmex/protocol';\nexport type P = Problem;\n",
    '@nx/enforce-module-boundaries',
  ],
  [
    'protocol imports client',
    'packages/protocol/src/http.ts',
    "import type { AcmeClient } from '@acmex/client';\nexport type C = AcmeClient;\n",
    '@nx/enforce-module-boundaries',
  ],
  [
    'a file that is not a test imports services',
    'packages/client/src/client.ts',
    "import { startPebble } from '@acmex/services';\nexport const p = startPebble;\n",
    '@nx/enforce-module-boundaries',
  ],
  [
    'Date.now() outside clock',
    'packages/protocol/src/http.ts',
    'export const now = Date.now();\n',
    'no-restricted-syntax',
  ],
  [
    'a timer outside clock',
    'packages/client/src/client.ts',
    'setTimeout(() => undefined, 5);\n',
    'no-restricted-syntax',
  ],
  [
    'node: in a portable package',
    'packages/protocol/src/http.ts',
    "import { join } from 'node:path';\nexport const j = join;\n",
    'no-restricted-imports',
  ],
] as const;
const right = [
  [
    'client imports protocol',
    'packages/client/src/client.ts',
    "import type { Problem } from '@acmex/protocol';\nexport type P = Problem;\n",
  ],
  [
    'a test imports services',
    'packages/client/src/client.system.test.ts',
    "import { startPebble } from '@acmex/services';\nexport const p = startPebble;\n",
  ],
  [
    'clock reads the time',
    'packages/clock/src/system-clock.ts',
    'export const now = Date.now();\n',
  ],
] as const;

describe('the rules of the house', () => {
  let eslint: ESLint;
  beforeAll(async () => {
    // The rule of the boundaries is silent until Nx has looked at the workspace once.
    await promisify(execFile)(join(root, 'node_modules/.bin/nx'), ['show', 'projects'], {
      cwd: root,
      env: { ...process.env, NX_DAEMON: 'false', NODE_OPTIONS: '' },
    });
    eslint = new ESLint({ cwd: root });
  });
  const rulesBroken = async (file: string, code: string) =>
    (await eslint.lintText(code, { filePath: join(root, file) })).flatMap(({ messages }) =>
      messages.map(({ ruleId }) => ruleId),
    );

  it.each(wrong)('refuse: %s', async (_, file, code, rule) => {
    expect(await rulesBroken(file, code)).toEqual([rule]);
  });
  it.each(right)('allow: %s', async (_, file, code) => {
    expect(await rulesBroken(file, code)).toEqual([]);
  });
});
