export interface EnvironmentOptions {
  /** The variables to choose from; an application passes `process.env`. */
  readonly from: Readonly<Record<string, string | undefined>>;
  /** Variable names, or prefixes as `AWS_*`. `*` alone is refused. */
  readonly allow: readonly string[];
}

/** Variables that make a shell or a loader run something: allowed only by their whole name. */
const powerful = /^(?:LD_|DYLD_|BASH_|NODE_|PYTHON|PERL|RUBY|SHELLOPTS$|IFS$|ENV$|PS4$)/;

/**
 * Returns the variables that a hook may see.
 *
 * @throws RangeError for a pattern that is not a name or a prefix, or that allows everything
 */
export function environment({ from, allow }: EnvironmentOptions): Readonly<Record<string, string>> {
  for (const pattern of allow)
    if (!/^[A-Za-z_]\w*\*?$/.test(pattern))
      throw new RangeError(
        `${JSON.stringify(pattern)} is not a variable name and not a prefix: write PATH, or AWS_*`,
      );
  const isAllowed = (name: string) =>
    allow.some((pattern) =>
      pattern.endsWith('*')
        ? name.startsWith(pattern.slice(0, -1)) && !powerful.test(name)
        : name === pattern,
    );
  return Object.fromEntries(
    Object.entries(from).flatMap(([name, value]) =>
      value !== undefined && isAllowed(name) ? [[name, value]] : [],
    ),
  );
}
