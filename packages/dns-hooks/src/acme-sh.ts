import { join } from 'node:path';
import { type DnsOptions, type DnsProvider, recordName, type TxtRecord } from '@acmex/dns';
import { type HookOptions, runHook } from './hook-program.ts';
import { hookScript } from './trusted-program.ts';

export interface AcmeShOptions extends HookOptions {
  /**
   * Where acme.sh is installed: `/home/me/.acme.sh`. Its account.conf is read, with the credentials
   * that it keeps.
   */
  readonly home: string;
  /** As after `--dns`: `dns_cf`. */
  readonly hook: string;
  /** `/bin/sh` by default. */
  readonly shell?: string;
}

/**
 * Every line of it is ours; what comes from elsewhere is in its parameters. acme.sh without
 * parameters prints its help, and leaves its functions behind.
 */
const script = `program=$1 hook=$2 call=$3 name=$4 value=$5
set --
. "$program" >/dev/null || exit 1
_initpath || exit 1
. "$hook" || exit 1
"$call" "$name" "$value"`;

/**
 * TXT records by a `dnsapi` script of the user's own installation of acme.sh: `dns_xx_add NAME
 * VALUE` and `dns_xx_rm NAME VALUE`. acme.sh and the script must be root's or the user's, and
 * writable by no one else; they are looked at before every call.
 * @see https://github.com/acmesh-official/acme.sh/wiki/DNS-API-Dev-Guide
 * @throws RangeError for a hook that has no name of theirs; DnsError `ERR_DNS_HOOK`
 */
export function acmeSh({
  home,
  hook,
  env,
  shell = '/bin/sh',
  ...limits
}: AcmeShOptions): DnsProvider {
  if (!/^dns_\w+$/.test(hook))
    throw new RangeError(`${JSON.stringify(hook)} is no hook of acme.sh: write it as dns_cf`);
  const each = async (
    action: 'add' | 'rm',
    zone: string,
    records: readonly TxtRecord[],
    { signal }: DnsOptions = {},
  ) => {
    for (const record of records) {
      signal?.throwIfAborted();
      const program = await hookScript(join(home, 'acme.sh'));
      const file = await hookScript(join(home, 'dnsapi', `${hook}.sh`));
      const name = recordName(zone, record);
      const args = ['-c', script, program, program, file, `${hook}_${action}`, name, record.value];
      await runHook(
        {
          program: shell,
          args,
          env: { ...env, LE_WORKING_DIR: home },
          title: `${hook}_${action} ${name} ${record.value}`,
          signal,
        },
        limits,
      );
    }
  };
  return {
    name: 'acme.sh',
    wholeNames: true,
    append: (zone, records, options) => each('add', zone, records, options),
    remove: (zone, records, options) => each('rm', zone, records, options),
  };
}
