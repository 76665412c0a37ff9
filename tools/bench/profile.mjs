// Where a profiled process spent its time: by file or package, and by function.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

export function printProfile(file) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const time = { origin: new Map(), call: new Map() };
  let busy = 0;
  for (const [index, id] of samples.entries()) {
    const frame = byId.get(id);
    if (frame.functionName === '(idle)') continue;
    busy += timeDeltas[index];
    for (const [kind, name] of [
      ['origin', originOf(frame)],
      ['call', callOf(frame)],
    ])
      time[kind].set(name, (time[kind].get(name) ?? 0) + timeDeltas[index]);
  }
  console.log(`\n${basename(file)}: ${Math.round(busy / 1000)} ms busy on the main thread`);
  for (const [kind, count] of [
    ['origin', 14],
    ['call', 40],
  ]) {
    const sorted = [...time[kind]].sort(([, a], [, b]) => b - a).slice(0, count);
    console.log(
      sorted
        .map(([name, spent]) => `  ${((100 * spent) / busy).toFixed(1).padStart(5)} %  ${name}`)
        .join('\n'),
      '\n',
    );
  }
}

/** The package, Node's own, or the engine. */
function originOf({ url, functionName }) {
  const match = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(url);
  if (match) return match[1];
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/');
  if (url !== '') return basename(url);
  return functionName.startsWith('(') ? functionName : '(native)';
}

function callOf({ url, functionName, lineNumber }) {
  return `${functionName || '(anonymous)'} ${originOf({ url, functionName })} ${basename(url)}:${lineNumber + 1}`;
}
