/**
 * Returns an instant as a field for local times has it: `2026-11-29T20:15`.
 * @param instant RFC 3339, or milliseconds since 1970
 */
export function localTime(instant: string | number): string {
  const date = new Date(instant);
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

/** Returns the instant of a field for local times, RFC 3339 in UTC; undefined for an empty field. */
export function instantOf(local: string): string | undefined {
  const instant = new Date(local);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}
