// Checks the health of this container: exit code 0 or 1. Requests /health at the address of the API
// in the configuration; with the argument worker, at that of a worker.
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';

const settings = JSON.parse(
  execFileSync('acmex', ['config', 'show', '-o', 'json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }),
);
const valueOf = (key) => settings.find((setting) => setting.key === key)?.value;
const worker = process.argv[2] === 'worker';
const key = worker ? 'server.worker_listen_addr' : 'server.listen_addr';
const place = valueOf(key);
if (place === undefined) {
  console.error(`${key} is not configured: set it to check the health`);
  process.exit(1);
}
const [, host, port] = /^(.*):(\d+)$/.exec(JSON.parse(place));
const tls = !worker && settings.some(({ key }) => key.startsWith('server.tls.'));
const hostname =
  { '': '127.0.0.1', '0.0.0.0': '127.0.0.1', '[::]': '::1' }[host] ??
  host.replace(/^\[(.*)\]$/, '$1');
// The certificate has other names than this address.
const request = (tls ? https : http).get(
  { hostname, port, path: '/health', timeout: 4000, rejectUnauthorized: false },
  (response) => {
    response.resume();
    end(response.statusCode === 200 ? undefined : `status ${response.statusCode}`);
  },
);
request.on('timeout', () => request.destroy(new Error('no response within 4 seconds')));
request.on('error', ({ message }) => end(message));

function end(fault) {
  if (fault !== undefined) console.error(`${hostname} port ${port}: ${fault}`);
  process.exit(fault === undefined ? 0 : 1);
}
