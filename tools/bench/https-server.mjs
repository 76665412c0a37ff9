// An https server, of Node.js alone or with @acmex/https as a program installs it. Its argument is
// JSON: `{ plain: { cert, key } }`, or `{ autocert }` with options of it, of which `allow` lists names.
// It prints a line when it listens, and answers each line on standard input with its resident memory
// after a collection.
import { createServer } from 'node:https';
import { createInterface } from 'node:readline';

const { plain, autocert: options, port } = JSON.parse(process.argv[2]);
const answer = (_, response) => response.end('hello');
await (plain ? startPlain() : startAutocert());
console.log('listening');

const commands = createInterface({ input: process.stdin });
commands.on('line', () => {
  globalThis.gc?.();
  console.log(process.memoryUsage.rss());
});
commands.on('close', () => process.exit());

async function startPlain() {
  const server = createServer(plain, answer);
  await new Promise((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
}

async function startAutocert() {
  const { autocert } = await import('@acmex/https');
  const tls = await autocert({
    development: false,
    ...options,
    ...(options.allow ? { allow: () => true } : {}),
  });
  await tls.listen(answer);
}
