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
 * Writes TXT records with a program, called with the arguments of lego's `exec` provider. No shell
 * is used. The program must succeed for a value that is already there, or already gone.
 *
 * @throws DnsError `ERR_DNS_HOOK` with what the program wrote, if it ends with a status other than
 * 0 or takes too long
 */
export function execHook({ program, env, ...limits }: ExecHookOptions): DnsProvider {
  const callEach = async (
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
    append: (zone, records, options) => callEach('present', zone, records, options),
    remove: (zone, records, options) => callEach('cleanup', zone, records, options),
  };
}
