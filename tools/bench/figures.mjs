// The arithmetic of the benchmark: medians, spreads and quotients of rounds.

export const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/**
 * Returns the median with the least and the most: `0.42 (0.40–0.47)`. The number of digits follows
 * from the median by default.
 */
export const spread = (list, digits = digitsOf(list)) => {
  const written = (value) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const [middle, lowest, highest] = [median(list), Math.min(...list), Math.max(...list)].map(
    written,
  );
  return lowest === highest ? middle : `${middle} (${lowest}–${highest})`;
};

function digitsOf(list) {
  if (list.every(Number.isInteger)) return 0;
  const middle = median(list);
  return [100, 10].filter((bound) => middle < bound).length;
}

/** Returns the quotient of each round, of figures that were taken in the same rounds. */
export function quotients(ours, figures) {
  if (ours.length !== figures.length)
    throw new Error(`${ours.length} figures cannot be compared with ${figures.length}`);
  return ours.map((figure, round) => figure / figures[round]);
}

/** Returns whether the rounds differ by more than 15 % of the least. */
export const isUnsteady = (list) => Math.max(...list) > 1.15 * Math.min(...list);

/**
 * Measures each of several by turns, forwards and then backwards, so that what slows the machine
 * down slows each of them down.
 * @returns by name, the means of the figures that `measure` returns
 */
export async function byTurns(subjects, measure) {
  const names = Object.keys(subjects);
  const taken = Object.fromEntries(names.map((name) => [name, []]));
  for (const name of [...names, ...names.toReversed()])
    taken[name].push(await measure(subjects[name], name));
  return Object.fromEntries(
    Object.entries(taken).map(([name, [first, second]]) => [
      name,
      Object.fromEntries(
        Object.entries(first).map(([figure, value]) => [figure, (value + second[figure]) / 2]),
      ),
    ]),
  );
}
