// Executes the guides of docs/ that say so: in a copy of the workspace, their code goes where the line above it says, and their commands are run.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './packages.mjs';

const pages = ['docs/adding-a-storage-driver.md', 'docs/adding-a-dns-provider.md'];

for (const page of pages) {
  const copy = mkdtempSync(join(tmpdir(), 'acmex-page-'));
  try {
    workspace(copy);
    const text = readFileSync(join(root, page), 'utf8');
    let steps = 0;
    for (const [, file, language, code] of text.matchAll(/(?:^`([\w./-]+)`\n\n)?^```(sh|ts)\n(.*?)^```$/gms)) {
      steps += 1;
      if (language === 'sh') run(copy, code);
      else if (file === undefined) throw new Error(`${page}: code block ${steps} says no file to go into`);
      else write(join(copy, file), code);
    }
    if (steps === 0) throw new Error(`${page} has nothing to execute`);
    console.log(`${page}: ${steps} steps done as it says`);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** The files that are or would be committed, beside the installed packages. */
function workspace(copy) {
  const { stdout } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 1e8 });
  for (const file of stdout.split('\0').filter((one) => one !== '')) cpSync(join(root, file), join(copy, file), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
}

function run(copy, commands) {
  for (const command of commands.trim().split('\n')) {
    // Linking into the shared node_modules would change the workspace itself; what the page makes is found without it.
    if (command === 'npm install') continue;
    const { status, stdout, stderr } = spawnSync('bash', ['-c', command], { cwd: copy, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    console.log(`$ ${command}\n${stdout.trim()}`);
    if (status !== 0) throw new Error(`${command} ended with ${status}:\n${stderr}`);
  }
}

function write(path, code) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code);
}
