import { randomBytes } from 'node:crypto';
import type { Clock } from '@acmex/clock';
import {
  type DnsProvider,
  findZone,
  followAliases,
  type LookUp,
  type Propagation,
  recordVisible,
  relativeName,
} from '@acmex/dns';

export interface WrittenRecordOptions {
  readonly provider: DnsProvider;
  readonly lookUp: LookUp;
  /** When the records count as visible. */
  readonly propagation: Propagation;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Called with each step that is done. */
  readonly onStep?: ((step: string) => void) | undefined;
}

/**
 * Writes two values at an unused name of the zone in which a record belongs, waits until they are
 * visible, and removes them.
 * @param record such as `_acme-challenge.example.com`
 * @throws DnsError
 */
export async function tryRecord(
  record: string,
  { provider, lookUp, propagation, clock, signal, onStep }: WrittenRecordOptions,
): Promise<{ readonly zone: string; readonly testName: string }> {
  const target = await followAliases(record, lookUp, { signal });
  const zone = await findZone(target, { lookUp, provider }, { signal });
  onStep?.(`zone: ${zone}`);
  // An order may be using the record's own name.
  const testName = `_acme-challenge.acmex-check-${randomBytes(6).toString('hex')}.${zone}`;
  const records = ['one', 'two'].map((value) => ({
    name: relativeName(zone, testName),
    value: `acmex check ${value}`,
  }));
  try {
    for (const entry of records) await provider.append(zone, [entry], { signal });
    onStep?.(`written: two values at ${testName}`);
    for (const { value } of records)
      await recordVisible(
        { zone, name: testName, value },
        { clock, lookUp, propagation, ...(signal ? { signal } : {}) },
      );
    onStep?.(`visible at ${visibleAt(propagation)}`);
  } finally {
    await provider.remove(zone, records);
    onStep?.('removed');
  }
  return { zone, testName };
}

function visibleAt(propagation: Propagation): string {
  return propagation.check === 'resolvers'
    ? propagation.servers.join(', ')
    : 'every authoritative server';
}
