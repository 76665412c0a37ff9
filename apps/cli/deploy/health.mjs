// Whether the server of this container answers: exit code 0 or 1. It asks where the configuration says that the server listens.
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';

const shown = JSON.parse(execFileSync('acmex', ['config', 'show', '-o', 'json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
const valueOf = (key) => shown.find((one) => one.key === key)?.value;
const [, host, port] = /^(.*):(\d+)$/.exec(JSON.parse(valueOf('server.listen_addr')));
const tls = shown.some(({ key }) => key.startsWith('server.tls.'));
const hostname = { '': '127.0.0.1', '0.0.0.0': '127.0.0.1', '[::]': '::1' }[host] ?? host.replace(/^\[(.*)\]$/, '$1');
// It asks itself: the names in the certificate are those that others use.
const request = (tls ? https : http).get({ hostname, port, path: '/health', timeout: 4000, rejectUnauthorized: false }, (response) => {
  response.resume();
  end(response.statusCode === 200 ? undefined : `answered ${response.statusCode}`);
});
request.on('timeout', () => request.destroy(new Error('no answer within 4 seconds')));
request.on('error', ({ message }) => end(message));

function end(fault) {
  if (fault !== undefined) console.error(`${hostname} port ${port}: ${fault}`);
  process.exit(fault === undefined ? 0 : 1);
}
