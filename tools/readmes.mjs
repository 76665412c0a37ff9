// Type-checks every ts block of every README, each as a module of its own, against the packages'
// sources.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packages, publishedPackages, root } from './packages.mjs';

const folder = join(root, 'tmp', 'readmes');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, 'tsconfig.json'),
  JSON.stringify({ extends: '../../tsconfig.json', include: ['*.ts'] }),
);
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');

let count = 0;
for (const place of ['.', ...packages().map((member) => member.folder)]) {
  const file = join(root, place, 'README.md');
  if (!existsSync(file)) continue;
  for (const [, code] of readFileSync(file, 'utf8').matchAll(/```ts\n(.*?)```/gs))
    writeFileSync(join(folder, `${place.replace(/\W+/g, '-')}-${++count}.ts`), code);
}
const without = publishedPackages().filter(
  ({ folder: path }) => !existsSync(join(root, path, 'README.md')),
);
for (const { manifest } of without) console.error(`${manifest.name} has no README.md`);
const { status } = spawnSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder],
  { stdio: 'inherit' },
);
console.log(`${count} examples compiled`);
process.exitCode = status !== 0 || count === 0 || without.length > 0 ? 1 : 0;
rmSync(folder, { recursive: true, force: true });
