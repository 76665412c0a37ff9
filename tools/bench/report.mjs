// The figures, for a terminal and for docs/benchmarks.md.
//
// `measure` of an area returns a section:
//
// - `title`, and `text`: how it was measured
// - `rows`: the figures that have a goal, see below
// - `tables`: lists of lines with more, the first of which is the heading
// - `left`: by a row's `figure`, one sentence about what the profile shows is left where the goal is
//   missed; it is printed only then
//
// A row:
//
//   {
//     figure: 'CPU per issuance, 1 at a time',  // what is measured
//     unit: 'ms',
//     ours: [33.5, 34.0, 33.1],                 // one figure of each round, or a single count
//     peer: { name: 'acme-client 5.4.0', figures: [72.6, …] },      // if there is one; as many figures
//     limit: { name: 'the bare loop', figures: [21.0, …] },         // if there is one; as many figures
//     goals: [{ of: 'peer', atMost: 0.33 }, { of: 'limit', atMost: 1.6 }], // no `of`: in `unit`
//     note: 'on files',                         // if the figure needs one
//   }
//
// A goal has `atMost` or `atLeast`; a row without a goal has `goals: []`. `peer` can also hold what
// is not a program: { name: 'that of 1,000', … }. Quotients are made here, round by round; their median counts. A goal
// that is beyond the limit becomes 1.3 of the limit, and the row says so.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { isUnsteady, median, quotients, spread } from './figures.mjs';

const heading = ['figure', 'ours', 'peer', 'of the peer', 'limit', 'of the limit', 'goal', 'met'];
/** The share of the limit that is asked for where a goal is beyond the limit. */
const nearLimit = 1.3;
const inUnit = (text, unit) => (unit === undefined || unit === '' ? text : `${text} ${unit}`);
const markdownTable = ([first, ...rest]) =>
  [first, first.map(() => '---'), ...rest].map(markdownRow).join('\n');
const markdownRow = (row) => `| ${row.join(' | ')} |`;

/**
 * Judges a row.
 * @returns the quotients with the peer and the limit, if there are any; for each goal its text and
 * whether it is met; and whether the quotients differ too much between the rounds
 */
export function judge(row) {
  const [peer, limit] = [row.peer, row.limit].map(
    (standard) => standard && quotients(row.ours, standard.figures),
  );
  const goals = row.goals.map((goal) => judgeGoal(row, goal, { peer, limit }));
  return {
    peer,
    limit,
    goals,
    isMet: goals.every(({ isMet }) => isMet),
    isUnsteady: [peer, limit].some((list) => list !== undefined && isUnsteady(list)),
  };
}

function judgeGoal(row, goal, shares) {
  const { of } = goal;
  const figures = of === undefined ? row.ours : shares[of];
  if (figures === undefined) throw new Error(`${row.figure}: there is no ${of}`);
  const text = goalText(row, goal);
  if (!isBeyondLimit(row, goal)) return { text, isMet: reaches(figures, goal) };
  const instead =
    goal.atMost === undefined
      ? { of: 'limit', atLeast: 1 / nearLimit }
      : { of: 'limit', atMost: nearLimit };
  return {
    text: `${text}, which is beyond the limit: ${goalText(row, instead)} then`,
    isMet: reaches(shares.limit, instead),
  };
}

function goalText(row, { of, atMost, atLeast }) {
  const bound = atMost ?? atLeast;
  const number =
    of === undefined
      ? inUnit(bound.toLocaleString('en'), row.unit)
      : `${Number(bound.toFixed(2))} of ${row[of].name}`;
  return `at ${atMost === undefined ? 'least' : 'most'} ${number}`;
}

const reaches = (figures, { atMost = Infinity, atLeast = -Infinity }) =>
  median(figures) <= atMost && median(figures) >= atLeast;

function isBeyondLimit({ ours, limit, peer }, { of, atMost, atLeast }) {
  if (limit === undefined || of === 'limit') return false;
  const bounds = ours.map(
    (_, round) => (atMost ?? atLeast) * (of === 'peer' ? peer.figures[round] : 1),
  );
  const share = median(quotients(bounds, limit.figures));
  return atMost === undefined ? share > 1 : share < 1;
}

/** The cells of a row. */
function cells(row) {
  const { peer, limit, goals, isMet, isUnsteady: unsteady } = judge(row);
  const standard = (value) =>
    value === undefined ? '' : `${inUnit(spread(value.figures), row.unit)} (${value.name})`;
  return [
    row.note === undefined ? row.figure : `${row.figure} (${row.note})`,
    inUnit(spread(row.ours), row.unit),
    standard(row.peer),
    peer === undefined ? '' : spread(peer, 2),
    standard(row.limit),
    limit === undefined ? '' : spread(limit, 2),
    goals.map(({ text: goal }) => goal).join(', and '),
    [metText(row.goals, isMet), unsteady ? 'unsteady' : '']
      .filter((part) => part !== '')
      .join(', '),
  ];
}

function metText(goals, isMet) {
  if (goals.length === 0) return '';
  return isMet ? 'yes' : '**no**';
}

const rowsOf = ({ title, rows, failure }) =>
  failure === undefined
    ? rows.map(cells)
    : [[title, 'could not be measured', '', '', '', '', '', '**no**']];

/** What is left where goals are missed, as a list of sentences. */
const missed = ({ title, rows, left = {} }) =>
  rows
    .filter((row) => row.figure in left && !judge(row).isMet)
    .map((row) => `${title}, ${row.figure}: ${left[row.figure]}`);

const loadText = ({ load: { before, after } }) =>
  `Load of the machine before and after, over a minute: ${before.toFixed(2)} and ${after.toFixed(2)}.`;

/** @param sections what each measurement returned, with the `load` around it */
export function text(sections, run) {
  const printed = sections.map((section) =>
    [
      `\n${section.title}`,
      columns([heading, ...rowsOf(section)]),
      ...section.tables.map(columns),
      ...missed(section).map((sentence) => `  ${sentence}`),
      `  ${loadText(section)}`,
    ].join('\n\n'),
  );
  return [...printed, `\n${machineText(run)}`].join('\n').replaceAll('**', '');
}

/**
 * Returns docs/benchmarks.md with what was measured; sections of the former page that were not
 * measured stay.
 * @param former the text of the former page
 */
export function markdown(sections, run, former = '') {
  const measured = sections.map((section) => ({
    title: section.title,
    rows: rowsOf(section).map((row) => markdownRow([section.title, ...row])),
    left: missed(section).map((sentence) => `- ${sentence}`),
    text: [section.text, `${machineText(run)} ${loadText(section)}`]
      .concat(section.tables.map(markdownTable))
      .filter((part) => part !== '')
      .join('\n\n'),
  }));
  const all = merged(sectionsIn(former), measured);
  const left = all.flatMap((section) => section.left).join('\n');
  return `# Benchmarks

What AcmeX promises about its cost, and what was measured: beside the best other program, and beside the limit, which is the same work done by the barest loop that is correct. A figure is the median of the rounds, with the least and the most in brackets; a quotient is made within a round. A figure that fails stays in the table. Where the quotients of the rounds differ by more than 15 %, the row says that it is unsteady. This page is written by \`${run.command}\`; with the name of an area, only its section is measured again.

${[markdownTable([['', ...heading]]), ...all.flatMap(({ rows }) => rows)].join('\n')}
${left === '' ? '' : `\nWhat is left where a goal is missed:\n\n${left}\n`}
The CA is Pebble, restarted for each run, with validations that do not sleep and nonces that are never refused. Absolute times are those of one machine; compare quotients. Each measurement runs in a process of its own, on AcmeX's sources as of the commit that its section names.

${all.map(({ title, text: body }) => `## ${title}\n\n${body}`).join('\n\n')}
`;
}

/** Reads a page that `markdown` has returned. */
function sectionsIn(page) {
  const [head, ...texts] = page.split(/^## /m);
  const lines = head.split('\n');
  return texts.map((part) => {
    const [title, ...body] = part.split('\n');
    return {
      title,
      rows: lines.filter((line) => line.startsWith(`| ${title} | `)),
      left: lines.filter((line) => line.startsWith(`- ${title}, `)),
      text: body.join('\n').trim(),
    };
  });
}

/** Sections keep their places; new ones come last. */
function merged(former, measured) {
  const isMeasured = (title) => measured.some((section) => section.title === title);
  const places = [...former.map(({ title }) => title), ...measured.map(({ title }) => title)];
  return [...new Set(places)].map((title) =>
    (isMeasured(title) ? measured : former).find((section) => section.title === title),
  );
}

const machineText = ({ rounds }) =>
  `Commit ${commit()}, Node.js ${process.versions.node}, ${availableParallelism()} cores, client and CA on the same machine; ${rounds} round${rounds === 1 ? '' : 's'}.`;

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
