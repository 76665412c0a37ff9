import type { Day } from '../../days.ts';

/** The size of the picture in its own units, which are stretched to the place that it has. */
export const [width, height] = [900, 120];
/** What a bar is high at least, so that it is seen beside very high ones. */
const least = 3;

/** A bar of the picture. */
export interface Bar {
  readonly what: 'expiring' | 'renewing';
  readonly day: Day;
  readonly count: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

interface Counts {
  readonly date: Day;
  readonly expiring: number;
  readonly renewing: number;
}

/**
 * Returns the bars of some days: expiries above the line, renewals below it, on the same scale.
 *
 * @returns `line`: where the line between them is
 */
export function barsOf(
  days: readonly Day[],
  counts: readonly Counts[],
): { readonly bars: readonly Bar[]; readonly line: number } {
  const above = Math.max(1, ...counts.map(({ expiring }) => expiring));
  const below = Math.max(1, ...counts.map(({ renewing }) => renewing));
  const room = height - 2 * least;
  const line = least + (room * above) / (above + below);
  const step = width / days.length;
  const bars = counts.flatMap(({ date: day, expiring, renewing }) => {
    const index = days.indexOf(day);
    if (index < 0) return [];
    const place = { day, x: index * step + step * 0.1, width: step * 0.8 };
    const sizeOf = (count: number) => Math.max(least, (room * count) / (above + below));
    const [up, down] = [sizeOf(expiring), sizeOf(renewing)];
    return [
      { what: 'expiring', count: expiring, ...place, y: line - up, height: up } as const,
      { what: 'renewing', count: renewing, ...place, y: line, height: down } as const,
    ].filter(({ count }) => count > 0);
  });
  return { bars, line };
}
