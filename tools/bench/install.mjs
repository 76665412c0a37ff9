// What `npm i` of the client brings along: how many packages, and how many bytes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packages, root } from '../packages.mjs';
import { installPeer } from './prepare.mjs';

export const title = 'Installation';
const wanted = ['@acmex/client', '@acmex/challenge'];
const peer = { name: 'acme-client', version: '5.4.0' };
const command = `\`npm i ${wanted.join(' ')}\``;
const left = {
  [`packages of ${command}`]:
    'eight are ours, one for each subject; the rest are jose, and the three of the polyfill of Temporal, which Node.js 20 to 24 need.',
  [`MB of ${command}`]: 'the polyfill of Temporal takes 1.1 MB of it, and jose 0.2 MB.',
};

export async function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'acmex-install-'));
  try {
    install(folder);
    const [ours, theirs] = [folder, installPeer(peer)].map((place) =>
      installed(join(place, 'node_modules')),
    );
    return {
      title,
      text: `${command} in an empty folder, from the packed packages: all that is in \`node_modules\` afterwards. The peer is the same of ${peer.name}.`,
      rows: ['packages', 'MB'].map((figure) => ({
        figure: `${figure} of ${command}`,
        unit: figure,
        ours: [ours[figure]],
        peer: { name: `${peer.name} ${peer.version}`, figures: [theirs[figure]] },
        goals: [{ atMost: { packages: 8, MB: 1.5 }[figure] }],
      })),
      tables: [
        [
          ['package', 'kB'],
          ...ours.list.map(({ name, bytes }) => [name, Math.round(bytes / 1000)]),
        ],
      ],
      left,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Packs what is wanted with all of this repository that it needs, and installs it. */
function install(folder) {
  const byName = new Map(packages().map((entry) => [entry.manifest.name, entry]));
  const needed = new Set(wanted);
  for (const name of needed)
    for (const dependency of Object.keys(byName.get(name).manifest.dependencies ?? {}))
      if (byName.has(dependency)) needed.add(dependency);
  const folders = [...needed].map((name) => `./${byName.get(name).folder}`);
  npm(['pack', '--silent', '--pack-destination', folder, ...folders], root);
  const tarballs = readdirSync(folder).map((name) => `./${name}`);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs], folder);
}

function npm(args, cwd) {
  const { status } = spawnSync('npm', args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`npm ${args[0]} ended with ${status}`);
}

/** Counts the packages in a folder, and the bytes of their files. */
function installed(folder) {
  const list = [];
  const collect = (path) => {
    for (const name of readdirSync(path).filter((entry) => !entry.startsWith('.'))) {
      if (name.startsWith('@')) collect(join(path, name));
      else list.push(packageIn(join(path, name)));
    }
  };
  collect(folder);
  return {
    list,
    packages: list.length,
    MB: list.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6,
  };
}

function packageIn(path) {
  const { name } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  const bytes = readdirSync(path, { recursive: true })
    .map((file) => statSync(join(path, file)))
    .filter((file) => file.isFile())
    .reduce((sum, { size }) => sum + size, 0);
  return { name, bytes };
}
