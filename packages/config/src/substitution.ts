/** The environment variables that the caller passes. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Substitution {
  readonly text: string;
  /** The reason of a failure, with the cure; absent on success. */
  readonly refusal?: { readonly problem: string; readonly cure: string };
}

/**
 * Replaces `${VAR}` and `${VAR:-default}` in a text of the file, once: the value of a variable is
 * not replaced again. `$$` is a dollar sign. A default replaces a variable that is not set or
 * empty, and ends at the first `}`. A single `$` that begins nothing stays as it is.
 */
export function substituted(text: string, environment: Environment): Substitution {
  let refusal: Substitution['refusal'];
  const done = text.replaceAll(
    /\$\$|\$\{([^}]*)(\}?)/g,
    (whole, inside: string | undefined, end: string) => {
      if (inside === undefined) return '$';
      const [, name, fallback] =
        /^([A-Za-z_]\w*)(?::-(.*))?$/s.exec(end === '' ? '' : inside) ?? [];
      if (name === undefined) {
        refusal ??= {
          problem: 'has a ${ that does not name a variable',
          cure: 'write ${NAME} or ${NAME:-default}, and $${ for the two characters themselves',
        };
        return whole;
      }
      const current = variable(environment, name);
      const value = fallback === undefined ? current : current || fallback;
      if (value === undefined)
        refusal ??= {
          problem: `needs the variable ${name}, which is not set`,
          cure: `set ${name}, or write \${${name}:-default}`,
        };
      return value ?? whole;
    },
  );
  return { text: done, ...(refusal ? { refusal } : {}) };
}

/** Returns the value of a variable; undefined where it is not set, whatever its name is. */
export function variable(environment: Environment, name: string): string | undefined {
  return Object.hasOwn(environment, name) ? environment[name] : undefined;
}
