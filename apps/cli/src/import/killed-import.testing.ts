// A process of its own that imports a directory of certbot, and ends by SIGKILL right before one of
// its changes to files: bundled by the test. Its arguments are the directory, the storage, and the
// number of the change; 0 ends none, and the process says how many there were.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { plainConfiguration } from '../configuration.ts';
import { importClient } from './import.ts';

type Method = (...args: readonly unknown[]) => unknown;

const [directory = '', place = '', number = ''] = process.argv.slice(2);
let changes = 0;

function count(owner: object, names: readonly string[]) {
  const methods = owner as Record<string, Method>;
  for (const name of names) {
    const method = methods[name] as Method;
    methods[name] = function (this: unknown, ...args: unknown[]) {
      const isRead =
        name === 'open' && [undefined, 'r', fs.constants.O_RDONLY].includes(args[1] as number);
      if (!isRead) changes += 1;
      if (changes === Number(number)) process.kill(process.pid, 'SIGKILL');
      return method.apply(this, args);
    };
  }
}

const { promises } = fs;
const handle = await promises.open(process.execPath);
const ofHandle = Object.getPrototypeOf(handle) as object;
await handle.close();
count(ofHandle, ['write', 'writev', 'writeFile', 'appendFile', 'truncate', 'chmod', 'chown']);
count(promises, ['open', 'rename', 'link', 'symlink', 'unlink', 'rm', 'rmdir', 'mkdir']);
count(promises, ['truncate', 'writeFile', 'appendFile', 'chmod', 'chown', 'copyFile']);
syncBuiltinESMExports();

const { stdout, stderr } = process;
const configuration = await plainConfiguration(place);
const exitCode = await importClient(
  'certbot',
  directory,
  { configuration, output: 'json', logLevel: 'error', takeOver: true },
  {
    ...{ stdout, stderr, env: {}, uid: process.getuid?.(), display: new Set() },
    signal: new AbortController().signal,
    onHangup: () => () => undefined,
  },
);
if (number === '0') stderr.write(`changes to files: ${changes}\n`);
process.exitCode = exitCode;
