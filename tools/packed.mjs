// Packs every published package and checks with publint what a user would install.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publishedPackages, root } from './packages.mjs';

const folder = mkdtempSync(join(tmpdir(), 'acmex-packed-'));
const run = (command, args) => {
  const { status, stdout } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}`);
};
try {
  run('npm', [
    'pack',
    '--silent',
    '--pack-destination',
    folder,
    ...publishedPackages().map(({ folder }) => `./${folder}`),
  ]);
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  if (tarballs.length !== publishedPackages().length || tarballs.length === 0)
    throw new Error(
      `${tarballs.length} packages were packed, wanted: ${publishedPackages().length}`,
    );
  for (const name of tarballs)
    run(process.execPath, [
      join(root, 'node_modules/publint/src/cli.js'),
      '--strict',
      join(folder, name),
    ]);
  console.log(`${tarballs.length} packages are ready to install`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
