// A program behind sockets of systemd: bundled by the test. It says which process has answered, and
// what one that it starts gets from it, and ends at SIGTERM.
import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { memoryStorage } from '@acmex/storage';
import { autocert } from './autocert.ts';

/** What an answer says. */
export interface PassedReport {
  readonly pid: number;
  readonly variables: readonly string[];
  /** The listening sockets of this process that one that it starts gets as well. */
  readonly inherited: readonly string[];
}

const [https = '', http = ''] = process.argv.slice(2);
const tls = await autocert({
  names: ['example.test'],
  development: false,
  acceptTerms: true,
  // It is not reached: a self-signed certificate does.
  directory: 'https://127.0.0.1:9/directory',
  storage: memoryStorage(),
  host: '127.0.0.1',
  ports: { https: Number(https), http: Number(http) },
});
tls.on('error', () => undefined);
try {
  const listening = await tls.listen((_, response) => {
    const script = 'ls -l /proc/$$/fd; env';
    const { stdout } = spawnSync('sh', ['-c', script], { encoding: 'utf8' });
    const sockets = readdirSync('/proc/self/fd').flatMap(linkOf);
    const report: PassedReport = {
      pid: process.pid,
      variables: stdout.split('\n').filter((line) => line.startsWith('LISTEN_')),
      inherited: sockets.filter((socket) => stdout.includes(socket)),
    };
    response.writeHead(200, { connection: 'close' });
    response.end(JSON.stringify(report));
  });
  process.once('SIGTERM', () => {
    void listening[Symbol.asyncDispose]().then(() => process.exit(0));
  });
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(3);
}

function linkOf(descriptor: string): readonly string[] {
  try {
    const link = readlinkSync(`/proc/self/fd/${descriptor}`);
    return link.startsWith('socket:') ? [link] : [];
  } catch {
    // It was that of the folder.
    return [];
  }
}
