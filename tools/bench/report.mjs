// The figures, for a terminal and for docs/benchmarks.md.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const heading = ['promise', 'at most', 'measured', 'met'];
const cells = ({ promise, limit, figure, met }) => [promise, limit, figure, met ? 'yes' : '**no**'];
const markdownTable = ([first, ...rest]) =>
  [first, first.map(() => '---'), ...rest].map((row) => `| ${row.join(' | ')} |`).join('\n');

/**
 * @param sections what each measurement gave: a title, how it was measured, a row for each promise,
 * and tables with more
 */
export function text(sections) {
  return sections
    .map(({ title, rows, tables }) =>
      [`\n${title}`, columns([heading, ...rows.map(cells)]), ...tables.map(columns)].join('\n\n'),
    )
    .join('\n')
    .replaceAll('**', '');
}

export function markdown(sections, { rounds, command }) {
  const rows = sections.flatMap(({ title, rows: some }) =>
    some.map((row) => [title, ...cells(row)]),
  );
  const texts = sections.map(({ title, text: how, tables }) =>
    [`## ${title}`, how, ...tables.map(markdownTable)].filter((part) => part !== '').join('\n\n'),
  );
  return `# Benchmarks

What AcmeX promises about its cost, and what was measured. A figure that fails stays in the table. This page is written by \`${command}\`.

${markdownTable([['', ...heading], ...rows])}

Commit ${commit()}, Node.js ${process.versions.node}, ${availableParallelism()} cores, client and CA on the same machine; ${rounds} round${rounds === 1 ? '' : 's'}. The CA is Pebble, restarted for each run, with validations that do not sleep and nonces that are never refused. Absolute times are this machine's; compare quotients.

The other client is npm \`acme-client\` 5.4.0. Each measurement runs in a process of its own, on AcmeX's sources as of that commit.

${texts.join('\n\n')}
`;
}

function commit() {
  const git = (...args) =>
    spawnSync('git', args, { encoding: 'utf8', cwd: import.meta.dirname }).stdout.trim();
  const changed = git('status', '--porcelain', '--', ':/', ':!/docs/benchmarks.md') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${changed ? ' with changes not committed' : ''}`;
}

function columns(rows) {
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => String(row[column]).length)),
  );
  return rows
    .map((row) =>
      `  ${row.map((cell, column) => String(cell).padEnd(widths[column])).join('  ')}`.trimEnd(),
    )
    .join('\n');
}
