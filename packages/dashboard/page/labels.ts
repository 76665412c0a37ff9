/** NAME=VALUE, by the rule of the server. */
const form = /^([\w.-]{1,63})\s*=\s*([\w.@+-]{0,63})$/;

/** Returns the first line that is not NAME=VALUE. */
export function labelFault(text: string): string | undefined {
  return linesOf(text).find((line) => !form.test(line));
}

/** Reads labels, one to a line, without those that `labelFault` names. */
export function labelsOf(text: string): Record<string, string> {
  const entries = linesOf(text).flatMap((line) => {
    const [, name, value] = form.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

/** Writes labels as `labelsOf` reads them. */
export function labelLines(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}

function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
