/**
 * Whether one pattern permits all that another does, or a name: `*` everything, `*.example.com`
 * every name below example.com, its wildcard among them and example.com itself not, anything else
 * itself.
 */
export function permits(pattern: string, wanted: string): boolean {
  if (pattern === '*' || pattern === wanted) return true;
  return pattern.startsWith('*.') && wanted !== '*' && wanted.endsWith(pattern.slice(1));
}

/** Those of the names, or patterns, that none of the patterns permits. */
export function forbidden(
  patterns: readonly string[],
  wanted: readonly string[],
): readonly string[] {
  return wanted.filter((name) => !patterns.some((pattern) => permits(pattern, name.toLowerCase())));
}
