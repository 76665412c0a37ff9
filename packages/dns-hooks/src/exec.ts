import { type DnsOptions, type DnsProvider, recordName, type TxtRecord } from '@acmex/dns';
import { rawChallenge } from './raw-challenge.ts';
import { type HookOptions, runHook } from './hook-program.ts';

export interface ExecHookOptions extends HookOptions {
  /**
   * The program; called as `PROGRAM present NAME VALUE` and `PROGRAM cleanup NAME VALUE`, NAME with
   * its final dot.
   */
  readonly program: string;
  /**
   * With RAW it gets the challenge, from which it makes the record:
   * `PROGRAM present -- DOMAIN TOKEN KEYAUTH`.
   */
  readonly mode?: 'default' | 'RAW';
}

/**
 * Writes TXT records with a program, called with the arguments of lego's `exec` provider. No shell
 * is used. The program must succeed for a value that is already there, or already gone.
 *
 * @throws DnsError `ERR_DNS_HOOK` with what the program wrote, if it ends with a status other than
 * 0 or takes too long; for RAW also with a record without a challenge
 */
export function execHook({
  program,
  mode = 'default',
  env,
  ...limits
}: ExecHookOptions): DnsProvider {
  const callEach = async (
    action: 'present' | 'cleanup',
    zone: string,
    records: readonly TxtRecord[],
    { signal }: DnsOptions = {},
  ) => {
    for (const record of records) {
      const args = [
        action,
        ...(mode === 'RAW' ? rawArguments(zone, record) : recordArguments(zone, record)),
      ];
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

function recordArguments(zone: string, record: TxtRecord): readonly string[] {
  return [`${recordName(zone, record)}.`, record.value];
}

function rawArguments(zone: string, record: TxtRecord): readonly string[] {
  const { domain, token, keyAuthorization } = rawChallenge('exec', zone, record);
  // A token may begin with a hyphen.
  return ['--', domain, token, keyAuthorization];
}
