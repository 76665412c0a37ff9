/** Writes what a long run has seen, when ACMEX_SOAK names one: the tests of `npm test` are silent. */
export function reportSoak(text: string): void {
  if (process.env.ACMEX_SOAK !== undefined) process.stderr.write(`${text}\n`);
}
