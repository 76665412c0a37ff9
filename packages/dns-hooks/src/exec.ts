import { type DnsOptions, type DnsProvider, recordName, type TxtRecord } from '@acmex/dns';
import { type HookOptions, runHook } from './hook-program.ts';

export interface ExecHookOptions extends HookOptions {
  /**
   * The program; called as `PROGRAM present NAME VALUE` and `PROGRAM cleanup NAME VALUE`, NAME with
   * its final dot.
   */
  readonly program: string;
}

/**
 * TXT records by a program, with the arguments that lego's `exec` provider gives. No shell is in
 * between. It is to succeed for a value that is there already, or gone already.
 * @throws DnsError `ERR_DNS_HOOK` with what the program wrote, when it ends with anything but 0 or
 * takes too long
 */
export function execHook({ program, env, ...limits }: ExecHookOptions): DnsProvider {
  const each = async (
    action: 'present' | 'cleanup',
    zone: string,
    records: readonly TxtRecord[],
    { signal }: DnsOptions = {},
  ) => {
    for (const record of records) {
      const args = [action, `${recordName(zone, record)}.`, record.value];
      await runHook({ program, args, env, title: `${program} ${args.join(' ')}`, signal }, limits);
    }
  };
  return {
    name: 'exec',
    wholeNames: true,
    append: (zone, records, options) => each('present', zone, records, options),
    remove: (zone, records, options) => each('cleanup', zone, records, options),
  };
}
