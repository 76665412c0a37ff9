import type { CheckResult, Finding } from '@acmex/check';
import { exitCodeOfCode } from '../exit-code.ts';
import type { Result } from '../output.ts';

/**
 * Returns the exit code of checks: 0 without an error; else the lowest exit code of the errors,
 * whose cause is the first to correct: 2 configuration, 3 this machine, 4 what could not be found
 * out, 6 what would fail at the validation. Warnings do not count.
 */
export function exitCodeOfResults(results: readonly CheckResult[]): number {
  const codes = errorsOf(results).map(({ code }) => exitCodeOfCode(code));
  return codes.length === 0 ? 0 : Math.min(...codes);
}

function errorsOf(results: readonly CheckResult[]): readonly Finding[] {
  return findingsOf(results).filter(({ severity }) => severity === 'error');
}

function findingsOf(results: readonly CheckResult[]): readonly Finding[] {
  return results.flatMap(({ findings }) => findings);
}

/** Returns the findings, and how many checks saw nothing wrong. */
export function resultOf(results: readonly CheckResult[]): Result {
  const findings = findingsOf(results);
  const rows = findings.map(({ severity, subject, code, saw, cure }) => ({
    severity,
    subject,
    code,
    saw,
    cure,
  }));
  const skipped = results.filter(({ state }) => state === 'skipped');
  const passed = results.filter(({ state }) => state === 'passed').length;
  return {
    text: [
      ...findings.flatMap(findingLines),
      ...skipped.map(({ kind, subject, saw }) => `skipped  ${subject}: ${kind}: ${saw}`),
      summary({ checks: results.length, passed, skipped: skipped.length }, findings),
    ].join('\n'),
    document: { findings: rows, checks: results.map(documentOf) },
    rows,
  };
}

function documentOf({ kind, subject, state, saw, findings }: CheckResult): object {
  return { check: kind, subject, state, saw, codes: findings.map(({ code }) => code) };
}

function findingLines({ severity, subject, code, saw, cure }: Finding): readonly string[] {
  return [`${severity.padEnd(8)} ${subject}: ${saw} [${code}]`, `         cure: ${cure}`];
}

function summary(
  {
    checks,
    passed,
    skipped,
  }: { readonly checks: number; readonly passed: number; readonly skipped: number },
  findings: readonly Finding[],
): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const warnings = findings.length - errors;
  return `${checks} checks: ${passed} passed, ${skipped} skipped; ${errors} errors, ${warnings} warnings`;
}
