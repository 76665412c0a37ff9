// `npm run soak -- AREA`: the long runs of which `npm test` has a sample.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './packages.mjs';

/** The tests that run longer when ACMEX_SOAK names their area. */
export const areas = {
  certificate: { projects: ['ca'], tests: 'mutated-certificates' },
  storage: {
    projects: ['storage-file', 'storage-redis', 'cli'],
    tests: 'kills|power-loss|redis.system|damaged-files|storage.system',
  },
  ca: { projects: ['ca'], tests: 'malformed|kills' },
  orchestrator: {
    projects: ['manager', 'orchestrator'],
    tests: 'provision-kills|renewal-simulation|damaged-records',
  },
  lifetimes: { projects: ['manager'], tests: 'lifetimes' },
  'lifetimes-real': { projects: ['manager'], tests: 'lifetimes' },
  server: { projects: ['server', 'cli'], tests: 'every-route|agent.system|damaged-records' },
  config: { projects: ['config'], tests: 'environment' },
  fleet: { projects: ['manager'], tests: 'fleet-limits' },
  import: { projects: ['cli'], tests: 'import-kills' },
  team: { projects: ['server'], tests: 'team/' },
};

if (process.argv[1] === import.meta.filename) soak(process.argv[2] ?? '');

function soak(area) {
  if (!Object.hasOwn(areas, area)) {
    console.error(`soak: name an area: ${Object.keys(areas).join(', ')}`);
    process.exit(2);
  }
  const { projects, tests } = areas[area];
  const { status } = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join(root, 'node_modules/jest/bin/jest.js'),
      '--selectProjects',
      ...projects.map((project) => `@acmex/${project}`),
      '--testPathPatterns',
      tests,
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ACMEX_SOAK: area } },
  );
  process.exitCode = status ?? 1;
}
