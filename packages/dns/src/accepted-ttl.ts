/** The times to live that a host accepts, in seconds. */
export interface TtlRange {
  readonly minimum: number;
  readonly maximum?: number;
}

/**
 * Returns the time to live that is nearest to the wanted one and that a host accepts.
 * @param ttl seconds; the least by default
 */
export function acceptedTtl(
  ttl: number | undefined,
  { minimum, maximum = Infinity }: TtlRange,
): number {
  return Math.min(Math.max(ttl ?? minimum, minimum), maximum);
}
