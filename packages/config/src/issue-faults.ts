import type * as z from 'zod';
import { type ConfigKey, namesIn } from './config-keys.ts';
import type { Fault } from './fault.ts';
import { refusalOfValue, replacementOf } from './retired-keys.ts';
import { isTable, type KeyPath, pathText, valueAt, type Settings } from './settings.ts';

type Issue = z.core.$ZodIssue;

/** What the schema has found, each with its place and what to do. No value is quoted. */
export function faultsOf(
  issues: readonly Issue[],
  settings: Settings,
  keys: () => readonly ConfigKey[],
): readonly Fault[] {
  return issues.flatMap((issue) => faultsOfIssue(issue, [], settings, keys));
}

function faultsOfIssue(
  issue: Issue,
  above: KeyPath,
  settings: Settings,
  keys: () => readonly ConfigKey[],
): readonly Fault[] {
  const path = [
    ...above,
    ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part)),
  ];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((name) => unknownKey([...path, name], settings, keys));
  if (issue.code === 'invalid_union') {
    // The form that was meant is the one that the value's own type fits.
    const meant = issue.errors.find(
      (errors) => !errors.some(({ code, path: at }) => code === 'invalid_type' && at.length === 0),
    );
    if (meant) return meant.flatMap((candidate) => faultsOfIssue(candidate, path, settings, keys));
  }
  const value = valueAt(settings.table, path);
  const ruleFault = ruleFaultOf(issue);
  if (ruleFault) return [{ key: pathText(path), origin: settings.originOf(path), ...ruleFault }];
  const cure =
    refusalOfValue(path, value) ??
    (issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined) ??
    issue.message;
  return [
    {
      key: pathText(path),
      origin: settings.originOf(path),
      problem: problemOf(issue, value),
      cure,
    },
  ];
}

/** Returns what a rule says of a value: its problem and cure, and its code if it has one. */
function ruleFaultOf(issue: Issue): Pick<Fault, 'problem' | 'cure' | 'code'> | undefined {
  if (issue.code !== 'custom') return undefined;
  const { code, problem, cure } = issue.params ?? {};
  if (typeof problem !== 'string' || typeof cure !== 'string') return undefined;
  return { problem, cure, ...(typeof code === 'string' ? { code } : {}) };
}

function unknownKey(path: KeyPath, settings: Settings, keys: () => readonly ConfigKey[]): Fault {
  const table = path.slice(0, -1);
  const names = namesIn(keys(), table);
  const meant = nearest(String(path.at(-1)), names);
  const cure =
    replacementOf(path) ??
    (meant === undefined
      ? `remove it, or write one of ${names.join(', ')}`
      : `write ${meant}, if you mean that`);
  return {
    key: pathText(path),
    origin: settings.originOf(path),
    problem: replacementOf(path) === undefined ? 'is not known' : 'is not supported any more',
    cure,
  };
}

function problemOf({ code }: Issue, value: unknown): string {
  if (value === undefined) return 'is missing';
  if (code === 'invalid_type') return `is ${typeText(value)}`;
  return code === 'invalid_key' ? 'has a name that does not fit' : 'does not fit';
}

function typeText(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (isTable(value)) return 'a table';
  switch (typeof value) {
    case 'string':
      return 'text';
    case 'boolean':
      return 'true or false';
    case 'number':
    case 'bigint':
      return 'a number';
    default:
      return 'a date';
  }
}

/** Returns the name that was most likely meant: at most two letters, or a third of them, differ. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const [first] = names
    .map((candidate) => ({ candidate, away: distance(name, candidate) }))
    .sort((a, b) => a.away - b.away);
  return first &&
    first.away <= Math.max(2, Math.floor(name.length / 3)) &&
    first.away < first.candidate.length
    ? first.candidate
    : undefined;
}

/** Returns the Levenshtein distance. */
function distance(from: string, to: string): number {
  if (from.length > 60) return Infinity;
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1];
    for (const [at, target] of [...to].entries())
      next.push(
        Math.min(
          (row[at] ?? 0) + (letter === target ? 0 : 1),
          (row[at + 1] ?? 0) + 1,
          (next[at] ?? 0) + 1,
        ),
      );
    row = next;
  }
  return row[to.length] ?? 0;
}
