// `npm run record`: runs the demonstration and writes what it printed, line by line as it came, to
// docs/demo.svg.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root, setup } from './setup.mjs';

const columns = 92;
const lineHeight = 19;
const characterWidth = 8.2;
const padding = 18;
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
  const width = Math.ceil(columns * characterWidth + 2 * padding);
  const height = lines.length * lineHeight + 2 * padding;
  const text = lines.map((line, index) => {
    const y = padding + (index + 0.75) * lineHeight;
    const delay = (index * secondsPerLine).toFixed(2);
    return `  <text x="${padding}" y="${y}" class="${kind(line)}" style="animation-delay:${delay}s">${escaped(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
  <title>acmex demo: a certificate for two names from a CA on this machine</title>
  <style>
    rect { fill: #f6f8fa; stroke: #d0d7de }
    text {
      font: 13.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
      fill: #1f2328; white-space: pre; animation: appear .01s both
    }
    .command { font-weight: 600 }
    .done { fill: #116329 }
    @keyframes appear { from { opacity: 0 } }
    @media (prefers-color-scheme: dark) {
      rect { fill: #161b22; stroke: #30363d }
      text { fill: #e6edf3 }
      .done { fill: #56d364 }
    }
    @media (prefers-reduced-motion: reduce) { text { animation: none } }
  </style>
  <rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
${text.join('\n')}
</svg>
`;
}

function kind(line) {
  if (line.startsWith('$ ')) return 'command';
  return line.startsWith('✔') ? 'done' : 'output';
}

/** What a program prints is data: no markup and no control character reaches the picture. */
function escaped(text) {
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (sign) => entities[sign]).replaceAll(/[\0-\x1f\x7f]/g, '');
}
