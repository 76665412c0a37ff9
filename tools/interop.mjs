// `npm run interop [-- --write]`: clients of other authors against our CA; --write writes
// docs/interop.md from what passed.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './packages.mjs';

const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules/jest/bin/jest.js'),
    '--selectProjects',
    '@acmex/ca',
    '--testPathPatterns',
    'interop',
    '--verbose',
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...(process.argv.includes('--write') ? { ACMEX_WRITE: 'interop' } : {}),
    },
  },
);
process.exitCode = status ?? 1;
