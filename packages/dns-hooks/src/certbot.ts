import {
  DnsError,
  type DnsOptions,
  type DnsProvider,
  recordName,
  type TxtRecord,
} from '@acmex/dns';
import { type HookOptions, runHook } from './hook-program.ts';

/** A program and its arguments: what certbot gets as one line for a shell. */
export type HookCommand = readonly [program: string, ...args: readonly string[]];

export interface CertbotHooksOptions extends HookOptions {
  /** `--manual-auth-hook` */
  readonly auth: HookCommand;
  /** `--manual-cleanup-hook` */
  readonly cleanup: HookCommand;
}

const label = '_acme-challenge.';

/**
 * TXT records by the hooks of certbot's manual plugin. They learn everything from the environment:
 * `CERTBOT_DOMAIN`, `CERTBOT_VALIDATION`, `CERTBOT_ALL_DOMAINS`, `CERTBOT_REMAINING_CHALLENGES`;
 * `cleanup` also what `auth` wrote to its output, as `CERTBOT_AUTH_OUTPUT`, where the same process
 * ran both. As with certbot, there is no `CERTBOT_TOKEN` for dns-01. No shell is in between.
 * @see https://eff-certbot.readthedocs.io/en/stable/using.html#pre-and-post-validation-hooks
 * @throws DnsError `ERR_DNS_HOOK` also for a name that such hooks cannot write: they put
 * `_acme-challenge.` before the domain themselves
 */
export function certbotHooks({ auth, cleanup, env, ...limits }: CertbotHooksOptions): DnsProvider {
  const outputs = new Map<string, string>();
  const each = async (
    [program, ...args]: HookCommand,
    zone: string,
    records: readonly TxtRecord[],
    { signal }: DnsOptions,
    extra: (key: string) => Readonly<Record<string, string>>,
    done: (key: string, output: string) => void,
  ) => {
    const domains = records.map((record) => domainOf(recordName(zone, record)));
    for (const [at, { value }] of records.entries()) {
      const key = `${domains[at]} ${value}`;
      const about = {
        CERTBOT_DOMAIN: domains[at] ?? '',
        CERTBOT_VALIDATION: value,
        CERTBOT_ALL_DOMAINS: domains.join(','),
        CERTBOT_REMAINING_CHALLENGES: String(records.length - at - 1),
      };
      done(
        key,
        await runHook(
          {
            program,
            args,
            env: { ...env, ...about, ...extra(key) },
            title: `${program} for ${domains[at]}`,
            signal,
          },
          limits,
        ),
      );
    }
  };
  return {
    name: 'certbot',
    wholeNames: true,
    append: (zone, records, options = {}) =>
      each(
        auth,
        zone,
        records,
        options,
        () => ({}),
        (key, output) => {
          outputs.set(key, output.trim());
        },
      ),
    remove: (zone, records, options = {}) =>
      each(
        cleanup,
        zone,
        records,
        options,
        (key) => ({ CERTBOT_AUTH_OUTPUT: outputs.get(key) ?? '' }),
        (key) => {
          outputs.delete(key);
        },
      ),
  };
}

function domainOf(name: string): string {
  if (name.startsWith(label)) return name.slice(label.length);
  throw new DnsError(
    'ERR_DNS_HOOK',
    `certbot's hooks write only names that begin with ${label}, and ${name} does not: take the alias (CNAME) away that leads to it, or use another provider`,
  );
}
