// The published packages as a user gets them: packed, and installed in a folder of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { publishedPackages, root } from './packages.mjs';

/** Packs every published package into a folder, which is made. */
export async function packInto(folder) {
  mkdirSync(folder, { recursive: true });
  const places = publishedPackages().map(({ folder: place }) => `./${place}`);
  await run('npm', ['pack', '--silent', '--pack-destination', folder, ...places], { cwd: root });
}

/**
 * Adds packed packages to what a package.json says, as they would come from a registry: what they
 * need of one another comes packed as well.
 * @param names the short names of the packages: `client`
 */
export function withPacked(manifest, { packed, names }) {
  const tarballs = Object.fromEntries(
    publishedPackages().map(({ manifest: { name, version } }) => [
      name,
      `file:${join(packed, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)}`,
    ]),
  );
  const dependencies = Object.fromEntries(
    names.map((name) => [`@acmex/${name}`, tarballs[`@acmex/${name}`]]),
  );
  return {
    ...manifest,
    dependencies: { ...manifest.dependencies, ...dependencies },
    overrides: tarballs,
  };
}

/** Installs packed packages in a folder, which is made, with a package.json of the test's own. */
export async function installPacked(place, { packed, names, devDependencies = {} }) {
  mkdirSync(place, { recursive: true });
  const manifest = withPacked({ private: true, devDependencies }, { packed, names });
  writeFileSync(join(place, 'package.json'), JSON.stringify(manifest));
  await npmInstall(place);
}

export async function npmInstall(place, ...names) {
  await run(
    'npm',
    [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      '--loglevel=error',
      ...names,
    ],
    { cwd: place },
  );
}

/**
 * What a command says last on its standard output.
 * @throws Error with the first lines of all that it said
 */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, {
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  const [[code, signal], out, errors] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ]);
  if (code !== 0)
    throw new Error(
      `${[command, ...args].join(' ')} ended with ${signal ?? code}:\n${`${out}${errors}`.trim().split('\n').slice(0, 15).join('\n')}`,
    );
  return out.trim().split('\n').at(-1);
}
