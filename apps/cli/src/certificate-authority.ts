import { type Config, issuersOf, type WellKnownIssuer, wellKnownIssuers } from '@acmex/config';
import type { AccountDescription } from '@acmex/manager';
import { resolvedIssuer } from '@acmex/manager/from-config';
import type { ExternalAccount } from '@acmex/protocol';
import { CliError } from './errors.ts';
import { readText } from './read-text.ts';

/** A CA as the program speaks of it, and the account at it. */
export interface CertificateAuthority extends AccountDescription {
  /** As the configuration calls it; absent for one that flags chose. */
  readonly name?: string | undefined;
  /** What must be said along with its title, if anything. */
  readonly remark?: string | undefined;
  /** PEM: root certificate of its own https. */
  readonly caCertificate?: string | undefined;
  readonly profile?: string | undefined;
  readonly preferredChain?: string | undefined;
}

/** The flags that choose a CA and an account. */
export interface AuthorityOptions {
  readonly server?: string | undefined;
  readonly ca?: string | undefined;
  readonly prod?: boolean | undefined;
  readonly caCertificate?: string | undefined;
  readonly email?: string | undefined;
  readonly acceptTos?: boolean | undefined;
  readonly eabKid?: string | undefined;
  readonly eabHmacKey?: string | undefined;
}

const known: Readonly<Record<string, WellKnownIssuer>> = wellKnownIssuers;

/**
 * The CA to use: `server`, else `ca` by its name in the configuration or by the one that everyone knows it by, else Let's Encrypt where
 * `prod` is given, else that of `[acme]` where the configuration says something of it, else Let's Encrypt's staging.
 */
export async function chooseAuthority(
  options: AuthorityOptions,
  config: Config,
  env: NodeJS.ProcessEnv,
): Promise<CertificateAuthority> {
  const { email, acceptTos = false, caCertificate } = options;
  const chosen = await choose(options, config);
  return {
    ...chosen,
    ...(caCertificate === undefined
      ? {}
      : { caCertificate: await readText(caCertificate, 'the CA certificate') }),
    contact:
      email === undefined
        ? (chosen.contact ??
          config.values.acme.contact.map((one) =>
            one.startsWith('mailto:') ? one : `mailto:${one}`,
          ))
        : [`mailto:${email}`],
    agreed: acceptTos || (chosen.agreed ?? false),
    externalAccount: external(options, env) ?? chosen.externalAccount,
  };
}

async function choose(
  { server, ca, prod }: AuthorityOptions,
  config: Config,
): Promise<CertificateAuthority> {
  if (server !== undefined) {
    if (!URL.canParse(server))
      throw new CliError(
        'ERR_CLI_USAGE',
        `--server "${server}" is no URL: give the CA's ACME directory, as https://ca.example/directory`,
      );
    return wellKnown(
      Object.values(known).find(({ directory }) => directory === server) ?? {
        title: new URL(server).host,
        directory: server,
      },
    );
  }
  const issuers = issuersOf(config);
  const configured =
    ca === undefined
      ? !prod && isGiven(config)
        ? issuers[0]
        : undefined
      : issuers.slice(isGiven(config) ? 0 : 1).find(({ name }) => name === ca);
  if (configured) {
    const { caCertificate, ...described } = resolvedIssuer(configured);
    return {
      ...described,
      remark: configured.staging ? notTrusted : undefined,
      caCertificate: await caCertificate?.(),
    };
  }
  const name = ca ?? (prod ? 'letsencrypt' : 'letsencrypt-staging');
  const found = Object.hasOwn(known, name) ? known[name] : undefined;
  if (found) return wellKnown(found);
  const names = [...new Set([...Object.keys(known), ...issuers.map((one) => one.name)])].join(', ');
  throw new CliError(
    'ERR_CLI_USAGE',
    `--ca "${name}" is not known: choose ${names}, or give --server with the directory's URL`,
  );
}

const notTrusted = 'not trusted by browsers';

function wellKnown({ title, directory, staging }: WellKnownIssuer): CertificateAuthority {
  return { title, directory, remark: staging ? notTrusted : undefined };
}

/** Whether a configuration chooses a CA; that it has one by default does not count. */
function isGiven({ originOf }: Config): boolean {
  return ['ca', 'ca_environment', 'ca_custom_url', 'tos_agreed', 'external_account_binding'].some(
    (key) => originOf(['acme', key]).from !== 'default',
  );
}

function external(
  { eabKid: kid, eabHmacKey }: AuthorityOptions,
  env: NodeJS.ProcessEnv,
): (() => Promise<ExternalAccount>) | undefined {
  const hmacKey = eabHmacKey ?? env.ACMEX_EAB_HMAC_KEY;
  if (kid === undefined && eabHmacKey === undefined) return undefined;
  if (kid === undefined || hmacKey === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'an external account is a pair: give --eab-kid and --eab-hmac-key (or ACMEX_EAB_HMAC_KEY in the environment)',
    );
  return async () => ({ kid, hmacKey });
}

/** The staging of a public CA that has one; of a staging, itself. */
export function stagingOf(directory: string | undefined): string | undefined {
  const name = Object.keys(known).find((one) => known[one]?.directory === directory);
  return name?.endsWith('-staging') ? directory : known[`${name}-staging`]?.directory;
}

export function called({ title, remark }: Pick<CertificateAuthority, 'title' | 'remark'>): string {
  return remark ? `${title} (${remark})` : title;
}
