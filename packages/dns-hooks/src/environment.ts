export interface EnvironmentOptions {
  /** Where it is taken from: an application gives `process.env`. */
  readonly from: Readonly<Record<string, string | undefined>>;
  /** Names, or how they begin: `AWS_*`. `*` alone is refused. */
  readonly allow: readonly string[];
}

/** Names that make a shell or a loader run something: only for who writes them out. */
const powerful = /^(?:LD_|DYLD_|BASH_|NODE_|PYTHON|PERL|RUBY|SHELLOPTS$|IFS$|ENV$|PS4$)/;

/**
 * The part of an environment that a hook may see.
 * @throws RangeError for a pattern that would let everything through, or is none
 */
export function environment({ from, allow }: EnvironmentOptions): Readonly<Record<string, string>> {
  for (const one of allow)
    if (!/^[A-Za-z_]\w*\*?$/.test(one))
      throw new RangeError(
        `${JSON.stringify(one)} is no name of the environment, and no beginning of one: write PATH, or AWS_*`,
      );
  const named = (name: string) =>
    allow.some((one) =>
      one.endsWith('*') ? name.startsWith(one.slice(0, -1)) && !powerful.test(name) : name === one,
    );
  return Object.fromEntries(
    Object.entries(from).flatMap(([name, value]) =>
      value !== undefined && named(name) ? [[name, value]] : [],
    ),
  );
}
