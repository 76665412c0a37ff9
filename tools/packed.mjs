// Packs every published package, and checks what a user would install: with publint, and that each
// has the texts of its licences. `--version 1.2.3` checks the versions only, and packs nothing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publishedPackages, root } from './packages.mjs';

const licences = ['LICENSE-APACHE', 'LICENSE-MIT'];
for (const { folder } of publishedPackages()) {
  const { publishConfig } = manifestOf(folder);
  if (publishConfig?.provenance !== true)
    throw new Error(`${folder}/package.json: set publishConfig.provenance to true`);
}
const versionFlag = process.argv.indexOf('--version');
if (versionFlag > 0) {
  checkVersions(process.argv[versionFlag + 1]);
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'acmex-packed-'));
const run = (command, args) => {
  const { status, stdout } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}`);
  return stdout;
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
  for (const name of tarballs) {
    const tarball = join(folder, name);
    checkLicences(tarball);
    run(process.execPath, [join(root, 'node_modules/publint/src/cli.js'), '--strict', tarball]);
  }
  console.log(`${tarballs.length} packages are ready to install`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Throws unless a packed package has each licence, word for word. */
function checkLicences(tarball) {
  for (const licence of licences) {
    const text = run('tar', ['-xzOf', tarball, `package/${licence}`]);
    if (text !== readFileSync(join(root, licence), 'utf8'))
      throw new Error(`${tarball}: ${licence} differs from the one of the repository`);
  }
}

/** Throws unless every published package has this version. */
function checkVersions(version) {
  for (const { folder } of publishedPackages()) {
    const actual = manifestOf(folder).version;
    if (actual !== version) throw new Error(`${folder} has version ${actual}, wanted: ${version}`);
  }
  console.log(`every package has version ${version}`);
}

function manifestOf(folder) {
  return JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
}
