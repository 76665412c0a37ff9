import type { Rehearsal } from './scenario.ts';

const [width, height, left, top, bottom] = [960, 320, 64, 40, 40] as const;
const style =
  'text{font:13px sans-serif;fill:#222}.issued{fill:#155e52}.failed{fill:#a11}.line{stroke:#999}' +
  '@media (prefers-color-scheme:dark){text{fill:#ddd}.issued{fill:#5ac3ae}.failed{fill:#f77}}';

/** Draws how many certificates are issued on each day, and how many attempts fail: SVG 1.1. */
export function chart({ days, certificates, from, until }: Rehearsal): string {
  const highest = Math.max(1, ...days.map(({ issued, failed }) => Math.max(issued, failed)));
  const inner = { width: width - left - 16, height: height - top - bottom };
  const step = inner.width / Math.max(1, days.length);
  const round = (value: number) => Math.round(value * 100) / 100;
  const bars = (kind: 'issued' | 'failed') =>
    days
      .map(({ [kind]: count }, index) => {
        if (count === 0) return '';
        const length = round((count / highest) * inner.height);
        return `M${round(left + index * step)} ${round(top + inner.height - length)}h${round(step)}v${length}h${round(-step)}z`;
      })
      .join('');
  const base = top + inner.height;
  const title = `${certificates} certificates from ${from.slice(0, 10)} to ${until.slice(0, 10)}: issued (green) and failed (red) on each day`;
  const label = (x: number, y: number, text: string, anchor = 'start') =>
    `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${text}</text>`;
  const months = days
    .map(({ date }, index) => ({ date, index }))
    .filter(({ date }) => date.endsWith('-01'));
  const every = Math.ceil(months.length / 12);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${title}</title><style>${style}</style>`,
    label(left, 20, title),
    `<path class="line" d="M${left} ${base}h${inner.width}"/>`,
    label(left - 8, top + 10, String(highest), 'end'),
    label(left - 8, base, '0', 'end'),
    ...months
      .filter((_, index) => index % every === 0)
      .map(({ date, index }) => label(left + index * step, base + 20, date.slice(0, 7))),
    `<path class="failed" d="${bars('failed')}"/>`,
    `<path class="issued" d="${bars('issued')}"/>`,
    '</svg>\n',
  ].join('\n');
}
