// `npm run soak -- AREA`: the long runs of which `npm test` has a sample.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './packages.mjs';

/** The tests that run longer when ACMEX_SOAK names their area. */
const areas = {
  storage: [
    '--selectProjects',
    '@acmex/storage-file',
    '@acmex/storage-redis',
    '--testPathPatterns',
    'kills|redis.system',
  ],
  ca: ['--selectProjects', '@acmex/ca', '--testPathPatterns', 'malformed|kills'],
  orchestrator: ['--selectProjects', '@acmex/config', '--testPathPatterns', 'provision-kills'],
  lifetimes: ['--selectProjects', '@acmex/config', '--testPathPatterns', 'lifetimes'],
  server: [
    '--selectProjects',
    '@acmex/server',
    '@acmex/cli',
    '--testPathPatterns',
    'every-route|team.system|agent.system',
  ],
  'lifetimes-real': ['--selectProjects', '@acmex/config', '--testPathPatterns', 'lifetimes'],
};

const [area = ''] = process.argv.slice(2);
if (!Object.hasOwn(areas, area)) {
  console.error(`soak: name an area: ${Object.keys(areas).join(', ')}`);
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules/jest/bin/jest.js'),
    ...areas[area],
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ACMEX_SOAK: area } },
);
process.exitCode = status ?? 1;
