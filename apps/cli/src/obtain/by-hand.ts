import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { type Config, dnsProviderKinds, dnsProvidersOf } from '@acmex/config';
import { printable } from '@acmex/errors';
import type { ConfiguredDnsProvidersOptions } from '@acmex/manager/from-config';
import type { Reporter, Terminal } from '../terminal.ts';

/** Whether a person writes the records, whom no timer has. */
export function isByHand(name: string | undefined, config: Pick<Config, 'values'>): boolean {
  return (
    dnsProviderKinds().some(({ type, attended }) => attended && type === name) &&
    !dnsProvidersOf(config).some((one) => one.name === name)
  );
}

/** Says which record to write, and waits for Enter where a person can press it; elsewhere for nothing but the end of the step. */
export function byHand(
  { stdin, stderr }: Terminal,
  report: Reporter,
): NonNullable<ConfiguredDnsProvidersOptions['prompt']> {
  return async ({ action, name, value }, { signal }) => {
    const record = `${printable(name, 255)} TXT "${printable(value, 255)}"`;
    if (action === 'remove') return report.done(`take this record away: ${record}`);
    report.done(
      `write this record: ${record}\n  it goes on when the record is seen${stdin?.isTTY ? ', or when you press Enter' : ''}`,
    );
    if (!stdin?.isTTY) return void (await never(signal));
    const lines = createInterface({ input: stdin, output: stderr, terminal: false });
    try {
      await lines.question('', { signal });
    } finally {
      lines.close();
    }
  };
}

async function never(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
  signal.throwIfAborted();
}
