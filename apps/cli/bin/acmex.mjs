#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/main.cjs', import.meta.url));
if (existsSync(program)) {
  createRequire(import.meta.url)(program);
} else {
  process.stderr.write('acmex is not built yet: run "npm run setup" in its checkout\n');
  process.exitCode = 1;
}
