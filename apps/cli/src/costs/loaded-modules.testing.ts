import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, removeFolder, startProgram, temporaryFolder } from '@acmex/services';
import { build, type Metafile, type Plugin } from 'esbuild';
import type { Costs, Counts } from './limits.testing.ts';

const root = join(import.meta.dirname, '../../../..');

/** Programs in chunks, as they are built, but with the packages of others beside them. */
export interface Programs extends AsyncDisposable {
  readonly folder: string;
  readonly outputs: Metafile['outputs'];
}

/** Counts the files that Node.js loads: how many of each package. Those of `@acmex` are sources. */
export async function loadedModules(programs: Programs): Promise<Costs> {
  const [listen, caListen] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const [version, serve, ca, client] = await Promise.all([
    loadedBy(programs, ['main', '--version']),
    loadedBy(programs, ['main', 'serve', '--addr', listen], 'listening on'),
    loadedBy(programs, ['main', 'ca', 'serve', '--development', '--listen', caListen], 'directory'),
    loadedBy(programs, ['client']),
  ]);
  return {
    'modules of acmex --version': version,
    'modules of acmex serve': serve,
    'modules of acmex ca serve': ca,
    "modules of import '@acmex/client'": client,
  };
}

export async function builtPrograms(): Promise<Programs> {
  const name = `costs-${process.pid}-${randomBytes(4).toString('hex')}`;
  const folder = join(root, 'node_modules/.cache/acmex-programs', name);
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({
    entryPoints: {
      main: join(root, 'apps/cli/src/main.ts'),
      client: join(root, 'packages/client/src/index.ts'),
      counted: join(root, 'apps/cli/src/costs/counted.testing.ts'),
    },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    conditions: ['@acmex/source'],
    logLevel: 'warning',
    define: { __VERSION__: '"0.0.0"' },
    plugins: [packagesBeside],
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
  });
  return {
    folder,
    outputs: metafile.outputs,
    [Symbol.asyncDispose]: async () => await removeFolder(folder),
  };
}

/** Leaves the packages of others where they are installed. */
const packagesBeside: Plugin = {
  name: 'packages beside',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, kind, ...options }) => {
      if (pluginData === packagesBeside || kind === 'entry-point' || path.startsWith('node:'))
        return undefined;
      const resolved = await build.resolve(path, { ...options, kind, pluginData: packagesBeside });
      return resolved.path.includes('node_modules') ? { ...resolved, external: true } : resolved;
    });
  },
};

/**
 * Runs a program to its end.
 * @param readyText what a service writes when it is ready; it is stopped then
 */
async function loadedBy(
  { folder, outputs }: Programs,
  [program = '', ...words]: readonly string[],
  readyText?: string,
): Promise<Counts> {
  await using home = await temporaryFolder('costs');
  const coverage = join(home.path, 'coverage');
  const args = [join(folder, `${program}.mjs`), ...words];
  const options = { cwd: home.path, env: { HOME: home.path, NODE_V8_COVERAGE: coverage } };
  const ready = (log: string) => log.includes(readyText ?? '');
  const limit = { minutes: 2 };
  if (readyText === undefined) await promisify(execFile)(process.execPath, args, options);
  else
    await (
      await startProgram({ command: process.execPath, args, ready, limit, ...options })
    )[Symbol.asyncDispose]();
  const counts: Record<string, number> = {};
  for (const path of await scriptsIn(coverage)) {
    const [, name = '@acmex'] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
    const chunk = outputs[path];
    const packageName = chunk ? '@acmex' : name;
    const files = chunk ? Object.keys(chunk.inputs).length : 1;
    counts[packageName] = (counts[packageName] ?? 0) + files;
  }
  return counts;
}

/** Returns the files that ran, below the root of the workspace. */
async function scriptsIn(coverage: string): Promise<readonly string[]> {
  const scripts = new Set<string>();
  for (const file of await readdir(coverage)) {
    const { result } = JSON.parse(await readFile(join(coverage, file), 'utf8')) as {
      readonly result: readonly { readonly url: string }[];
    };
    for (const { url } of result)
      if (url.startsWith('file:')) scripts.add(relative(root, fileURLToPath(url)));
  }
  return [...scripts];
}
