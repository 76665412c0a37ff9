/** What is around the program, as it was handed in. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Substitution {
  readonly text: string;
  /** Why it cannot be done, with the cure; absent where it was. */
  readonly refusal?: { readonly problem: string; readonly cure: string };
}

/**
 * A text of the file with `${VAR}` and `${VAR:-default}` put in, once: what a variable holds is not read again. `$$` is a dollar sign.
 * A default stands for a variable that is not set or empty, and ends at the first `}`.
 * A single `$` that begins nothing stays as it is.
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
          problem: 'has a ${ that names no variable',
          cure: 'write ${NAME} or ${NAME:-default}, and $${ for the two characters themselves',
        };
        return whole;
      }
      const value = fallback === undefined ? environment[name] : environment[name] || fallback;
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
