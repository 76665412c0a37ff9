// Runs `acmex demo`: our CA, a certificate for two names over http-01, and its contents, on this
// machine.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, setup } from './setup.mjs';

setup({ programs: 'none' });
const folder = join(root, 'tmp', 'demo');
rmSync(folder, { recursive: true, force: true });
const child = spawn(
  process.execPath,
  [join(root, 'apps/cli/bin/acmex.mjs'), 'demo', '--directory', folder],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
const [code] = await once(child, 'exit');
process.exitCode = code ?? 1;
