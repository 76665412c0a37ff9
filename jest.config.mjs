// One Jest for the house: every package with tests is a project. Native ESM, source first: no built output is read.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const root = import.meta.dirname;
const folders = ['packages', 'apps', 'tools'].flatMap((group) =>
  readdirSync(`${root}/${group}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${group}/${name}`),
);

export default {
  // A loaded machine is slow, and a hook that cleans up has this limit too: it only ends what hangs.
  testTimeout: 180_000,
  // Half of the tests wait for other processes: three files at once even on two cores.
  maxWorkers: Math.max(3, availableParallelism() - 1),
  // Each file leaves its modules and their asynchronous hooks behind in its worker, which slow later
  // files down: a worker that has grown is replaced.
  workerIdleMemoryLimit: '400MB',
  testSequencer: '<rootDir>/tools/test-sequencer.mjs',
  forceExit: true, // a test that failed may leave a server behind; the run ends all the same
  projects: folders
    .filter(
      (folder) =>
        existsSync(`${root}/${folder}/package.json`) && existsSync(`${root}/${folder}/src`),
    )
    .map((folder) => ({
      displayName: JSON.parse(readFileSync(`${root}/${folder}/package.json`, 'utf8')).name,
      rootDir: `${root}/${folder}`,
      testEnvironment: 'node',
      testEnvironmentOptions: { customExportConditions: ['@acmex/source', 'node', 'node-addons'] },
      extensionsToTreatAsEsm: ['.ts'],
      moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
      testMatch: ['<rootDir>/src/**/*.test.ts'],
      transform: {
        '^.+\\.ts$': [
          '@swc/jest',
          {
            swcrc: false,
            jsc: {
              target: 'es2022',
              parser: { syntax: 'typescript', decorators: true },
              transform: { legacyDecorator: true, decoratorMetadata: true },
              keepClassNames: true,
              experimental: { keepImportAttributes: true },
            },
            sourceMaps: 'inline',
          },
        ],
      },
    })),
};
