// `npm run record`: runs the demonstration and writes what it printed, line by line as it came, to
// docs/demo.svg.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { textPicture } from './drawing.mjs';
import { root, setup } from './setup.mjs';

const columns = 92;
/** The run takes less than a second: a reader needs longer for each line. */
const secondsPerLine = 0.35;

setup({ programs: 'none' });
writeFileSync(join(root, 'docs/demo.svg'), svg(await recorded()));
console.log('docs/demo.svg is written');

/** Runs `acmex demo` in an empty folder. Returns the lines that it printed, in order. */
async function recorded() {
  const folder = mkdtempSync(join(tmpdir(), 'acmex-record-'));
  try {
    const program = join(root, 'apps/cli/bin/acmex.mjs');
    const child = spawn(process.execPath, [program, 'demo', '--directory', 'demo'], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, LANG: 'C.UTF-8' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines = [];
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => lines.push(line));
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`acmex demo ended with ${code}:\n${lines.join('\n')}`);
    return ['$ acmex demo', ...lines].flatMap(wrapped);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Splits a line that is wider than the terminal, as a shell continues a command. */
function wrapped(line) {
  if (line.length <= columns) return [line];
  const end = line.lastIndexOf(' ', columns - 2);
  const isCommand = line.startsWith('$ ');
  return [
    `${line.slice(0, end)}${isCommand ? ' \\' : ''}`,
    ...wrapped(`${isCommand ? '    ' : '  '}${line.slice(end + 1)}`),
  ];
}

function svg(lines) {
  const delayOf = (index) => (index * secondsPerLine).toFixed(2);
  return textPicture(
    {
      columns,
      title: 'acmex demo: a certificate for two names from a CA on this machine',
      style: `text { animation: appear .01s both }
    .command { font-weight: 600 }
    .done { fill: #116329 }
    @keyframes appear { from { opacity: 0 } }
    @media (prefers-reduced-motion: reduce) { text { animation: none } }`,
      darkStyle: '.done { fill: #56d364 }',
      attributesOf: (line, index) =>
        ` class="${kind(line)}" style="animation-delay:${delayOf(index)}s"`,
    },
    lines,
  );
}

function kind(line) {
  if (line.startsWith('$ ')) return 'command';
  return line.startsWith('✔') ? 'done' : 'output';
}
