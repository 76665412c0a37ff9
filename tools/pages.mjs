// Executes the guides of docs/ that say so: those for authors in a copy of the workspace, those for
// users in an empty folder. Their code goes where the line above it says, and their commands are
// run. `COUNT=1000` in a page is a sample of 200, except with `--full`.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { packages, root } from './packages.mjs';

const full = process.argv.includes('--full');
const chosen = process.argv.slice(2).filter((argument) => argument !== '--full');
const isChosen = (page) => chosen.length === 0 || chosen.includes(page);

for (const page of [
  'docs/server.md',
  'docs/operations.md',
  'docs/deployment.md',
  'docs/certificates-as-code.md',
  'docs/rate-limits.md',
  'docs/several-cas.md',
  'docs/hardware-keys.md',
  'docs/check.md',
  'docs/rehearsal.md',
  'docs/inspect.md',
  'docs/formats.md',
  'docs/trust.md',
  'docs/verification.md',
  'docs/revocation.md',
  'docs/notifications.md',
  'docs/audit.md',
  'docs/observability.md',
].filter(isChosen))
  await asUser(page);
for (const page of [
  'docs/adding-a-storage-driver.md',
  'docs/adding-a-dns-provider.md',
  'docs/adding-a-deploy-target.md',
  'docs/adding-an-endpoint.md',
].filter(isChosen)) {
  const copy = mkdtempSync(join(tmpdir(), 'acmex-page-'));
  try {
    workspace(copy);
    const text = readFileSync(join(root, page), 'utf8');
    let steps = 0;
    for (const [, file, language, code] of text.matchAll(
      /(?:^`([\w./-]+)`\n\n)?^```(sh|ts)\n(.*?)^```$/gms,
    )) {
      steps += 1;
      if (language === 'sh') run(copy, code);
      else if (file === undefined)
        throw new Error(`${page}: code block ${steps} says no file to go into`);
      else write(join(copy, file), code);
    }
    if (steps === 0) throw new Error(`${page} has nothing to execute`);
    console.log(`${page}: ${steps} steps done as it says`);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/**
 * All commands of a page as one script, in an empty folder with `acmex` on the path, and on ports
 * that are free.
 */
async function asUser(page) {
  const folder = mkdtempSync(join(tmpdir(), 'acmex-page-'));
  try {
    const text = await onFreePorts(sample(readFileSync(join(root, page), 'utf8')));
    const programs = join(folder, '.programs');
    write(
      join(programs, 'acmex'),
      `#!/bin/sh\nexec ${process.execPath} ${join(root, 'apps/cli/bin/acmex.mjs')} "$@"\n`,
    );
    chmodSync(join(programs, 'acmex'), 0o755);
    const commands = [];
    for (const [, file, language, code] of text.matchAll(
      /(?:^`([\w./-]+)`\n\n)?^```(sh|toml|yaml|csv|text)\n(.*?)^```$/gms,
    )) {
      if (language === 'sh') commands.push(code);
      else if (file === undefined && language === 'text') continue;
      else if (file === undefined) throw new Error(`${page}: a file says not where it goes`);
      else write(join(folder, file), code);
    }
    if (commands.length === 0) throw new Error(`${page} has nothing to execute`);
    // What it has started ends with it.
    const script = `set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n${commands.join('\n')}`;
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 900_000,
      env: { PATH: `${programs}:${process.env.PATH}`, HOME: folder, LANG: 'C.UTF-8' },
    });
    if (status !== 0) throw new Error(`${page} ended with ${status}:\n${stdout}\n${stderr}`);
    console.log(`${page}: ${commands.length} steps done as it says`);
    for (const [line] of stdout.matchAll(/^\d+ .* in [\d.]+ s.*$/gm)) console.log(`  ${line}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function sample(text) {
  return full ? text : text.replaceAll(/^COUNT=1000$/gm, 'COUNT=200');
}

/** Every port of the page, the same one throughout. */
async function onFreePorts(text) {
  const ports = [
    ...new Set(
      [
        ...text.matchAll(/(?:127\.0\.0\.1:|--http-port |--http-01-port |--port |-p )(\d{4,5})/g),
      ].map(([, port]) => port),
    ),
  ];
  const servers = await Promise.all(
    ports.map(async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const free = new Map(ports.map((port, at) => [port, String(servers[at].address().port)]));
  await Promise.all(
    servers.map(async (server) => {
      server.close();
      await once(server, 'close');
    }),
  );
  return text.replaceAll(
    /(127\.0\.0\.1:|--http-port |--http-01-port |--port |-p )(\d{4,5})/g,
    (_, before, port) => `${before}${free.get(port)}`,
  );
}

/** The files that are or would be committed, beside the installed packages. */
function workspace(copy) {
  const { stdout } = spawnSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
    { cwd: root, encoding: 'utf8', maxBuffer: 1e8 },
  );
  for (const file of stdout.split('\0').filter((name) => name !== ''))
    cpSync(join(root, file), join(copy, file), { recursive: true });
  for (const folder of ['.', ...packages().map((member) => member.folder)].filter((path) =>
    existsSync(join(root, path, 'node_modules')),
  ))
    symlinkSync(join(root, folder, 'node_modules'), join(copy, folder, 'node_modules'));
}

function run(copy, commands) {
  for (const command of commands.trim().split('\n')) {
    // Linking into the shared node_modules would change the workspace itself; what the page makes
    // is found without it.
    if (command === 'npm install') continue;
    const { status, stdout, stderr } = spawnSync('bash', ['-c', command], {
      cwd: copy,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    console.log(`$ ${command}\n${stdout.trim()}`);
    if (status !== 0) throw new Error(`${command} ended with ${status}:\n${stderr}`);
  }
}

function write(path, code) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code);
}
