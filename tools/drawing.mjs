// Pictures for the documentation, as SVG that fits light and dark pages.

const lineHeight = 19;
const characterWidth = 8.2;
const padding = 18;

/** Escapes text for SVG. It is data: no markup and no control character reaches the picture. */
export function escaped(text) {
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (sign) => entities[sign]).replaceAll(/[\0-\x1f\x7f]/g, '');
}

/** Returns a picture of a width and a height, with a title for those who do not see it. */
export function picture({ width, height, title, style = '', darkStyle = '' }, shapes) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
  <title>${escaped(title)}</title>
  <style>
    .page { fill: #f6f8fa; stroke: #d0d7de }
    text { font: 13.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #1f2328; white-space: pre }
    ${style}
    @media (prefers-color-scheme: dark) {
      .page { fill: #161b22; stroke: #30363d }
      text { fill: #e6edf3 }
      ${darkStyle}
    }
  </style>
  <rect class="page" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>
${shapes.map((shape) => `  ${shape}`).join('\n')}
</svg>
`;
}

/**
 * Returns a picture of lines of text.
 * @param attributesOf returns the attributes of the element of a line, by the line and its number
 */
export function textPicture({ columns, attributesOf = () => '', ...options }, lines) {
  const width = Math.ceil(columns * characterWidth + 2 * padding);
  const height = lines.length * lineHeight + 2 * padding;
  const shapes = lines.map((line, index) => {
    const y = padding + (index + 0.75) * lineHeight;
    return `<text x="${padding}" y="${y}"${attributesOf(line, index)}>${escaped(line)}</text>`;
  });
  return picture({ width, height, ...options }, shapes);
}

const colors = ['#1f77b4', '#d62728', '#2ca02c', '#ff7f0e', '#9467bd', '#8c564b'];

/**
 * Returns a chart of lines over time.
 * @param series by name, each a list of pairs of seconds and a value
 */
export function chart({ title }, series) {
  const [width, height, left, right, top, bottom] = [760, 260, 60, 20, 46, 54];
  const points = series.flatMap(({ values }) => values);
  const [start, end] = [
    Math.min(...points.map(([at]) => at)),
    Math.max(...points.map(([at]) => at)),
  ];
  const largest = Math.max(1, ...points.map(([, value]) => value));
  const x = (at) => left + ((at - start) / (end - start || 1)) * (width - left - right);
  const y = (value) => height - bottom - (value / largest) * (height - top - bottom);
  const clock = (at) => new Date(at * 1000).toISOString().slice(11, 19);
  const grid = [0, 0.5, 1].map((part) => {
    const at = y(part * largest);
    const label = Number((part * largest).toPrecision(3));
    return `<path class="grid" d="M${left} ${at}H${width - right}"/><text x="${left - 8}" y="${at + 4}" text-anchor="end">${label}</text>`;
  });
  const lines = series.map(({ name, values }, index) => {
    const color = colors[index % colors.length];
    const path = values
      .map(([at, value]) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`)
      .join('L');
    const [legendX, legendY] = [left + index * 150, height - 14];
    return `<path d="M${path}" fill="none" stroke="${color}" stroke-width="2"/><rect x="${legendX}" y="${legendY - 9}" width="12" height="3" fill="${color}"/><text x="${legendX + 18}" y="${legendY - 3}">${escaped(name)}</text>`;
  });
  const axis = [start, end].map(
    (at, index) =>
      `<text x="${x(at)}" y="${height - bottom + 18}" text-anchor="${index === 0 ? 'start' : 'end'}">${clock(at)}</text>`,
  );
  const style = '.grid { stroke: #d0d7de } .heading { font-weight: 600 }';
  return picture({ width, height, title, style, darkStyle: '.grid { stroke: #30363d }' }, [
    `<text class="heading" x="${padding}" y="26">${escaped(title)}</text>`,
    ...grid,
    ...axis,
    ...lines,
  ]);
}

/**
 * Returns a chart of the spans of a trace, each below the one that it is part of.
 * @param spans in order, each with its depth, its start and its end in milliseconds
 */
export function traceChart({ title }, spans) {
  const [width, left, row] = [760, 330, 20];
  const height = spans.length * row + 64;
  const [start, end] = [
    Math.min(...spans.map((span) => span.start)),
    Math.max(...spans.map((span) => span.end)),
  ];
  const x = (at) => left + ((at - start) / (end - start || 1)) * (width - left - 90);
  const style = '.bar { fill: #1f77b4 } .failed { fill: #d62728 } .heading { font-weight: 600 }';
  return picture({ width, height, title, style }, [
    `<text class="heading" x="${padding}" y="26">${escaped(title)}</text>`,
    ...spans.map(({ name, depth, start: from, end: to, isFailed }, index) => {
      const y = 48 + index * row;
      const length = Math.max(2, x(to) - x(from));
      const duration = `${Math.max(to - from, 0).toFixed(to - from < 10 ? 1 : 0)} ms`;
      return `<text x="${padding + depth * 14}" y="${y + 11}">${escaped(name)}</text><rect class="${isFailed ? 'bar failed' : 'bar'}" x="${x(from).toFixed(1)}" y="${y}" width="${length.toFixed(1)}" height="13" rx="2"/><text x="${(x(from) + length + 6).toFixed(1)}" y="${y + 11}">${duration}</text>`;
    }),
  ]);
}
