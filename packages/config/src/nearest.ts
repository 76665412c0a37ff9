/** The name that was most likely meant: at most two, or a third of the letters, changed, added or taken away. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const [first] = names
    .map((one) => ({ one, away: distance(name, one) }))
    .sort((a, b) => a.away - b.away);
  return first &&
    first.away <= Math.max(2, Math.floor(name.length / 3)) &&
    first.away < first.one.length
    ? first.one
    : undefined;
}

/** Levenshtein's. */
function distance(from: string, to: string): number {
  if (from.length > 60) return Infinity;
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1];
    for (const [at, other] of [...to].entries())
      next.push(
        Math.min(
          (row[at] ?? 0) + (letter === other ? 0 : 1),
          (row[at + 1] ?? 0) + 1,
          (next[at] ?? 0) + 1,
        ),
      );
    row = next;
  }
  return row[to.length] ?? 0;
}
