/** Sums Jest's results. A file that could not be run at all counts as one failure. */
export function totals(results) {
  const broken = results.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((one) => one.status === 'failed'),
  ).length;
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + broken,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/** Why tests were skipped: each reason with its count. The reason stands in the title of the skipped group. */
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
