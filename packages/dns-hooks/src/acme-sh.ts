import { join } from 'node:path';
import { type DnsOptions, type DnsProvider, recordName, type TxtRecord } from '@acmex/dns';
import { type HookOptions, runHook } from './hook-program.ts';
import { hookScript } from './trusted-program.ts';

export interface AcmeShOptions extends HookOptions {
  /**
   * The folder of acme.sh: `/home/me/.acme.sh`. acme.sh reads the credentials in its account.conf.
   */
  readonly home: string;
  /** The name that follows `--dns`: `dns_cf`. */
  readonly hook: string;
  /** `/bin/sh` by default. */
  readonly shell?: string;
}

/**
 * A fixed text: names and values are passed as parameters. acme.sh without parameters prints its
 * help and defines its functions.
 */
const script = `program=$1 hook=$2 call=$3 name=$4 value=$5
set --
. "$program" >/dev/null || exit 1
_initpath || exit 1
. "$hook" || exit 1
"$call" "$name" "$value"`;

/**
 * Writes TXT records with a `dnsapi` script of the user's installation of acme.sh: `dns_xx_add NAME
 * VALUE` and `dns_xx_rm NAME VALUE`. acme.sh and the script must belong to root or the user, and no
 * one else may be able to write to them; this is checked before every call.
 *
 * @see https://github.com/acmesh-official/acme.sh/wiki/DNS-API-Dev-Guide
 * @throws RangeError for a hook whose name is not one of acme.sh; DnsError `ERR_DNS_HOOK`
 */
export function acmeSh({
  home,
  hook,
  env,
  shell = '/bin/sh',
  ...limits
}: AcmeShOptions): DnsProvider {
  if (!/^dns_\w+$/.test(hook))
    throw new RangeError(
      `${JSON.stringify(hook)} is not the name of an acme.sh hook: write it as dns_cf`,
    );
  const callEach = async (
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
    append: (zone, records, options) => callEach('add', zone, records, options),
    remove: (zone, records, options) => callEach('rm', zone, records, options),
  };
}
