import {
  DnsError,
  type DnsOptions,
  type DnsProvider,
  recordName,
  type TxtRecord,
} from '@acmex/dns';
import { type HookOptions, runHook } from './hook-program.ts';

/** A program and its arguments, which certbot has as one line for a shell. */
export type HookCommand = readonly [program: string, ...args: readonly string[]];

export interface CertbotHooksOptions extends HookOptions {
  /** `--manual-auth-hook` */
  readonly auth: HookCommand;
  /** `--manual-cleanup-hook` */
  readonly cleanup: HookCommand;
}

const label = '_acme-challenge.';

/**
 * Writes TXT records with the hooks of certbot's manual plugin. Everything is passed in the
 * environment: `CERTBOT_DOMAIN`, `CERTBOT_VALIDATION`, `CERTBOT_ALL_DOMAINS`,
 * `CERTBOT_REMAINING_CHALLENGES`; to `cleanup` also the output of `auth` as `CERTBOT_AUTH_OUTPUT`,
 * if the same process ran both. As with certbot, there is no `CERTBOT_TOKEN` for dns-01. No shell
 * is used.
 *
 * @see https://eff-certbot.readthedocs.io/en/stable/using.html#pre-and-post-validation-hooks
 * @throws DnsError `ERR_DNS_HOOK`, also for a name that such hooks cannot write: they put
 * `_acme-challenge.` before the domain themselves
 */
export function certbotHooks({ auth, cleanup, env, ...limits }: CertbotHooksOptions): DnsProvider {
  const outputs = new Map<string, string>();
  return {
    name: 'certbot',
    wholeNames: true,
    append: (zone, records, options = {}) =>
      runForEach(
        auth,
        { ...options, zone, records },
        {
          env,
          limits,
          variables: () => ({}),
          onOutput: (key, output) => void outputs.set(key, output.trim()),
        },
      ),
    remove: (zone, records, options = {}) =>
      runForEach(
        cleanup,
        { ...options, zone, records },
        {
          env,
          limits,
          variables: (key) => ({ CERTBOT_AUTH_OUTPUT: outputs.get(key) ?? '' }),
          onOutput: (key) => void outputs.delete(key),
        },
      ),
  };
}

interface RecordsOfZone extends DnsOptions {
  readonly zone: string;
  readonly records: readonly TxtRecord[];
}

interface RunOptions {
  readonly env: HookOptions['env'];
  readonly limits: Omit<HookOptions, 'env'>;
  /** Further variables for the record of this key. */
  readonly variables: (key: string) => Readonly<Record<string, string>>;
  /** Called with what the hook wrote for the record of this key. */
  readonly onOutput: (key: string, output: string) => void;
}

/** Runs a hook for each record, in their order. */
async function runForEach(
  [program, ...args]: HookCommand,
  { zone, records, signal }: RecordsOfZone,
  { env, limits, variables, onOutput }: RunOptions,
): Promise<void> {
  const domains = records.map((record) => domainOf(recordName(zone, record)));
  for (const [at, { value }] of records.entries()) {
    const key = `${domains[at]} ${value}`;
    const challenge = {
      CERTBOT_DOMAIN: domains[at] ?? '',
      CERTBOT_VALIDATION: value,
      CERTBOT_ALL_DOMAINS: domains.join(','),
      CERTBOT_REMAINING_CHALLENGES: String(records.length - at - 1),
    };
    const output = await runHook(
      {
        program,
        args,
        env: { ...env, ...challenge, ...variables(key) },
        title: `${program} for ${domains[at]}`,
        signal,
      },
      limits,
    );
    onOutput(key, output);
  }
}

function domainOf(name: string): string {
  if (name.startsWith(label)) return name.slice(label.length);
  throw new DnsError(
    'ERR_DNS_HOOK',
    `certbot's hooks write only names that begin with ${label}, and ${name} does not: remove the alias (CNAME) that leads to it, or use a different provider`,
  );
}
