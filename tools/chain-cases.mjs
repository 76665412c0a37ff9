// `npm run chain-cases [-- FILE]`: verifies the cases of a file in the format of x509-limbo, those
// of the repository by default, and prints how many have the expected result. `-- --write` writes
// the figures to docs/verification.md.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { loadSource } from './load-services.mjs';

const root = join(import.meta.dirname, '..');
const source = 'packages/certificate/src/verification/chain-cases.testing.ts';
const lists = 'packages/revocation/src/list-cases.testing.ts';
const ours = join(root, 'packages/certificate/fixtures/chain-cases/cases.json.gz');
const page = join(root, 'docs/verification.md');
const columns = [
  'crl',
  'cve',
  'invalid',
  'pathlen',
  'pathological',
  'rfc5280',
  'rfc5280::nc',
  'webpki',
  'online',
  'BetterTLS names',
  'BetterTLS paths',
];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: 'boolean', default: false } },
});
const { readChainCases, runChainCase, groupOf, disagreements } = await loadSource(source);
const { runListCase } = await loadSource(lists);
const figures = new Map();
const wrong = [];
let slowest = { id: '', milliseconds: 0 };
for (const entry of readChainCases(positionals[0] ?? ours)) {
  const begun = performance.now();
  const { isValid: isTrusted, faults } = runChainCase(entry);
  const isValid = isTrusted && (await runListCase(entry));
  const milliseconds = performance.now() - begun;
  if (milliseconds > slowest.milliseconds) slowest = { id: entry.id, milliseconds };
  const figure = figures.get(groupOf(entry)) ?? { all: 0, agree: 0, accepted: 0, refused: 0 };
  figures.set(groupOf(entry), count(figure, isValid, entry.expected_result === 'SUCCESS'));
  if (isValid !== (entry.expected_result === 'SUCCESS')) wrong.push({ id: entry.id, faults });
}

console.log(table());
for (const { id, faults } of wrong)
  console.log(`${id}: ${disagreements[id] ?? (faults ? JSON.stringify(faults[0]) : 'accepted')}`);
console.log(`slowest: ${slowest.id}, ${slowest.milliseconds.toFixed(0)} ms`);
if (options.write) await write();
process.exitCode = wrong.every(({ id }) => disagreements[id]) ? 0 : 1;

function count({ all, agree, accepted, refused }, isValid, isExpected) {
  return {
    all: all + 1,
    agree: agree + (isValid === isExpected ? 1 : 0),
    accepted: accepted + (isValid && !isExpected ? 1 : 0),
    refused: refused + (!isValid && isExpected ? 1 : 0),
  };
}

function table() {
  const rows = columns.flatMap((group) => {
    const { all, agree, accepted, refused } = figures.get(group) ?? {};
    return all === undefined ? [] : [`| ${group} | ${all} | ${agree} | ${accepted} | ${refused} |`];
  });
  return [
    '| group | cases | agree | accepted wrongly | refused wrongly |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

async function write() {
  const text = await readFile(page, 'utf8');
  const marks = /(<!-- figures -->\n)[^]*(\n<!-- end of figures -->)/;
  const changed = text.replace(marks, (_, begin, end) => `${begin}\n${table()}\n${end}`);
  const config = await resolveConfig(page);
  await writeFile(page, await format(changed, { ...config, filepath: page }));
}
