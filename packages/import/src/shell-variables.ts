/** Variables that a file of shell assignments sets. */
export interface ShellVariables {
  readonly values: Readonly<Record<string, string>>;
  /** The names of variables whose values only a shell can find out. */
  readonly unknown: readonly string[];
}

/**
 * Reads the assignments of a shell file, without running it: `NAME=value`, `NAME="value"` and
 * `NAME='value'`, each on a line. `$NAME` and `${NAME}` are the value of a variable that was set before.
 * @param before variables that are set already
 */
export function readShellVariables(
  text: string,
  before: Readonly<Record<string, string>> = {},
): ShellVariables {
  const values: Record<string, string> = { ...before };
  const unknown = new Set<string>();
  for (const line of text.split(/\r?\n/)) {
    const [, name, assigned] = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
    if (name === undefined || assigned === undefined) continue;
    const value = valueOf(assigned.trim(), values);
    if (value === undefined) {
      unknown.add(name);
      delete values[name];
    } else {
      unknown.delete(name);
      values[name] = value;
    }
  }
  return { values, unknown: [...unknown] };
}

/** @returns undefined for a value that only a shell can find out */
function valueOf(assigned: string, values: Readonly<Record<string, string>>): string | undefined {
  const [, single, double, plain] =
    /^(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|([^\s'"#;|&]*))\s*(?:#.*)?$/.exec(assigned) ?? [];
  if (single !== undefined) return single;
  const text = double ?? plain;
  if (text === undefined || /`|\$\(/.test(text)) return undefined;
  let isKnown = true;
  const expanded = text.replaceAll(
    /\\(.)|\$\{(\w+)\}|\$(\w+)|(\$)/g,
    (_, escaped?: string, braced?: string, bare?: string) => {
      if (escaped !== undefined) return escaped;
      const value = values[braced ?? bare ?? ''];
      if (value === undefined) isKnown = false;
      return value ?? '';
    },
  );
  return isKnown ? expanded : undefined;
}
