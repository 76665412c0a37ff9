import { createInterface } from 'node:readline/promises';
import type { Terminal } from './terminal.ts';

/**
 * Asks a person for a yes. Everything else is a no.
 * @returns undefined where no person can answer
 * @throws the reason of the signal
 */
export async function confirm(
  question: string,
  { stdin, stderr, signal }: Pick<Terminal, 'stdin' | 'stderr' | 'signal'>,
): Promise<boolean | undefined> {
  if (!stdin?.isTTY) return undefined;
  const lines = createInterface({ input: stdin, output: stderr, terminal: false });
  try {
    const answer = await lines.question(`${question} [y/N]: `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
