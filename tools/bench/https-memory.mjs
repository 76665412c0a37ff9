// What contexts of TLS take in memory, and nothing else: prints the kilobytes of resident memory for
// each of so many. Arguments: a file of the chain, one of its key, and how many.
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

const [chain, privateKey, count] = process.argv.slice(2);
const [cert, key] = [chain, privateKey].map((path) => readFileSync(path, 'utf8'));
const contexts = [];
const add = (wanted) => {
  while (contexts.length < wanted) contexts.push(createSecureContext({ cert, key }));
};
add(100);
globalThis.gc();
const before = process.memoryUsage.rss();
add(100 + Number(count));
globalThis.gc();
console.log((process.memoryUsage.rss() - before) / Number(count) / 1000);
