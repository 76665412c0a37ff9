import { systemClock } from '@acmex/clock';
import { escapeJson } from '../output.ts';
import type { LogLevel, Terminal } from '../terminal.ts';

/** Commands that run until they are stopped, and have a log. */
const services: ReadonlySet<string> = new Set(['daemon', 'serve', 'ca serve', 'agent']);

/** Something that is written to standard error whatever the level of the log is. */
export interface Notice {
  readonly level: LogLevel;
  /** For a log. */
  readonly msg: string;
  /** For a person, with its line break. */
  readonly text: string;
  /** `@acmex/cli` by default. */
  readonly package?: string | undefined;
  readonly code?: string | undefined;
  readonly stack?: string | undefined;
}

/** Whether words after `acmex` begin with the name of a service. */
export function namesService(words: readonly string[]): boolean {
  return [1, 2].some((count) => services.has(words.slice(0, count).join(' ')));
}

/**
 * Writes a notice to standard error: a line of its log for a service, unless a person reads it, and
 * text for any other command.
 * @param words the words after `acmex`
 */
export function writeNotice(
  { text, level, package: named = '@acmex/cli', msg, ...fields }: Notice,
  { stderr, words }: Pick<Terminal, 'stderr'> & { readonly words: readonly string[] },
): void {
  if (stderr.isTTY || !namesService(words)) return void stderr.write(text);
  const time = systemClock.now().toString({ fractionalSecondDigits: 3 });
  stderr.write(escapeJson(`${JSON.stringify({ level, time, package: named, ...fields, msg })}\n`));
}
