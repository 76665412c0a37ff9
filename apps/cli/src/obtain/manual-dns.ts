import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { printable } from '@acmex/errors';
import type { ConfiguredDnsProvidersOptions } from '@acmex/manager/from-config';
import type { Reporter, Terminal } from '../terminal.ts';

/**
 * Shows which record to write, and waits for Enter on a terminal; elsewhere, until the record is
 * visible.
 */
export function promptForRecord(
  { stdin, stderr }: Terminal,
  report: Reporter,
): NonNullable<ConfiguredDnsProvidersOptions['prompt']> {
  return async ({ action, name, value }, { signal }) => {
    const record = `${printable(name, 255)} TXT "${printable(value, 255)}"`;
    if (action === 'remove') return report.done(`remove this record: ${record}`);
    const isTerminal = stdin?.isTTY ?? false;
    report.done(
      `write this record: ${record}\n  continues when it is visible${isTerminal ? ', or when you press Enter' : ''}`,
    );
    if (!stdin || !isTerminal) return await untilAborted(signal);
    const lines = createInterface({ input: stdin, output: stderr, terminal: false });
    try {
      await lines.question('', { signal });
    } finally {
      lines.close();
    }
  };
}

/** Waits until a signal aborts, and throws its reason. */
async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
  signal.throwIfAborted();
}
