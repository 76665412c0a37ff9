import { relative } from 'node:path';

/** Sums Jest's results. A file that could not be run at all counts as one failure. */
export function totals(results) {
  const broken = results.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + broken,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/**
 * Returns why tests were skipped: each reason with its count. The title of a skipped group contains
 * the reason.
 */
export function skippedFor(results) {
  const skipped = results.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'pending' || status === 'todo');
  const reasons = new Map();
  for (const { fullName } of skipped) {
    const reason =
      /\(skipped: (.*?)\)(?: |$)/.exec(fullName)?.[1] ?? `without a reason: ${fullName}`;
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  return reasons;
}

/** Returns a line for each of the `count` slowest files: its seconds, and its path below `root`. */
export function slowest({ testResults }, count, root) {
  return testResults
    .map(({ name, startTime, endTime }) => ({ name, seconds: (endTime - startTime) / 1_000 }))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, count)
    .map(({ name, seconds }) => `${seconds.toFixed(1).padStart(6)} s  ${relative(root, name)}`);
}
