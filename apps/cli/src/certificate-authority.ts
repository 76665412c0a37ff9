import {
  type Config,
  type IssuerDescription,
  issuersNamed,
  issuersOf,
  type WellKnownIssuer,
  wellKnownIssuers,
} from '@acmex/config';
import {
  type AccountDescription,
  declaredIssuer,
  issuerName,
  type IssuerSettings,
  type LimitSettings,
} from '@acmex/manager';
import { resolvedIssuer } from '@acmex/manager/from-config';
import type { ExternalAccount } from '@acmex/protocol';
import { CliError } from './errors.ts';
import { readCertificates } from './read-text.ts';

/** A CA, and the account at it. */
export interface CertificateAuthority extends AccountDescription {
  /** Its name in the configuration; absent for one that flags chose. */
  readonly name?: string | undefined;
  /** Shown after the title. */
  readonly remark?: string | undefined;
  /** Root certificate of its HTTPS server, PEM. */
  readonly caCertificate?: string | undefined;
  /** Trusted certificates for what it issues, PEM. */
  readonly trustAnchors?: string | undefined;
  readonly profile?: string | undefined;
  readonly preferredChain?: string | undefined;
  readonly limits?: LimitSettings | undefined;
}

/** The flags that choose a CA and an account. */
export interface AuthorityOptions {
  readonly server?: string | undefined;
  readonly ca?: string | undefined;
  /** Issuers of the configuration, in the order in which they are tried. */
  readonly issuers?: readonly string[] | undefined;
  readonly prod?: boolean | undefined;
  readonly caCertificate?: string | undefined;
  readonly email?: string | undefined;
  readonly acceptTos?: boolean | undefined;
  readonly eabKid?: string | undefined;
  readonly eabHmacKey?: string | undefined;
}

const wellKnown: Readonly<Record<string, WellKnownIssuer>> = wellKnownIssuers;

/**
 * Returns the CA that flags choose, with the account for it: that of `--server`; the first of
 * `--issuer`; that of `--ca`, by its name in the configuration or its well-known name; Let's Encrypt with `--prod`; the first of
 * `acme.issuers`, else that of `[acme]`, if the configuration sets one; else Let's Encrypt staging.
 * @throws CliError `ERR_CLI_USAGE` for an unknown CA
 */
export async function chooseAuthority(
  options: AuthorityOptions,
  config: Config,
  environment: NodeJS.ProcessEnv,
): Promise<CertificateAuthority> {
  const { email, acceptTos = false, caCertificate } = options;
  const chosen = await choose(options, config);
  const configuredContact = chosen.contact ?? config.values.acme.contact.flatMap(contactsOf);
  return {
    ...chosen,
    ...(caCertificate === undefined
      ? {}
      : { caCertificate: await readCertificates(caCertificate, 'the CA certificate') }),
    contact: email === undefined ? configuredContact : contactsOf(email),
    agreed: acceptTos || (chosen.agreed ?? false),
    externalAccount: external(options, environment) ?? chosen.externalAccount,
  };
}

/** Returns the settings by which a certificate manager uses a CA. */
export function authoritySettings(authority: CertificateAuthority): IssuerSettings {
  const { caCertificate, trustAnchors, ...account } = authority;
  return {
    ...account,
    name: issuerName(authority),
    ...(caCertificate === undefined ? {} : { caCertificate: async () => caCertificate }),
    ...(trustAnchors === undefined ? {} : { trustAnchors: async () => [trustAnchors] }),
  };
}

/**
 * Returns the CAs to use where the chosen one cannot issue: the further ones of `--issuer`; else those
 * of `acme.issuers`, unless flags choose a CA.
 * @throws CliError `ERR_CLI_USAGE` for an issuer that is not in the configuration
 */
export async function fallbackAuthorities(
  { server, ca, prod, issuers }: AuthorityOptions,
  config: Config,
): Promise<readonly CertificateAuthority[]> {
  if (issuers) {
    const [, ...further] = [...new Set(issuers)].map((name) => issuerNamed(name, config));
    return await Promise.all(further.map(fromConfiguration));
  }
  if (server !== undefined || ca !== undefined || prod || !choosesAuthority(config)) return [];
  const [, ...fallbacks] = issuersNamed(config);
  return await Promise.all(fallbacks.map(fromConfiguration));
}

/**
 * Returns the contacts of a list of e-mail addresses with commas: each as a mailto URL. RFC 8555
 * §7.3
 * @throws CliError `ERR_CLI_USAGE` for what is not an e-mail address
 */
export function contactsOf(addresses: string): readonly string[] {
  return addresses
    .split(',')
    .map((text) => text.trim().replace(/^mailto:\s*/i, ''))
    .filter((address) => address !== '')
    .map((address) => {
      if (/^[^@\s?]+@[^@\s?]+$/.test(address)) return `mailto:${address}`;
      throw new CliError(
        'ERR_CLI_USAGE',
        `${JSON.stringify(address)} is not an e-mail address: use one as admin@example.com, and commas between several`,
      );
    });
}

async function choose(options: AuthorityOptions, config: Config): Promise<CertificateAuthority> {
  if (options.server !== undefined) return fromDirectory(options.server);
  const [preferred] = options.issuers ?? [];
  if (preferred !== undefined) return await fromConfiguration(issuerNamed(preferred, config));
  const configured = configuredIssuer(options, config);
  if (configured) return await fromConfiguration(configured);
  const name = options.ca ?? (options.prod ? 'letsencrypt' : 'letsencrypt-staging');
  const entry = Object.hasOwn(wellKnown, name) ? wellKnown[name] : undefined;
  if (entry) return fromWellKnown(entry);
  const issuers = issuersOf(config).map((issuer) => issuer.name);
  const names = [...new Set([...Object.keys(wellKnown), ...issuers])].join(', ');
  throw new CliError(
    'ERR_CLI_USAGE',
    `--ca "${name}" is unknown: use ${names}, or --server with the URL of its ACME directory`,
  );
}

async function fromConfiguration(issuer: IssuerDescription): Promise<CertificateAuthority> {
  const settings = resolvedIssuer(issuer);
  const { caCertificate, trustAnchors } = await declaredIssuer(settings);
  const remark = issuer.staging ? notTrusted : undefined;
  return { ...settings, caCertificate, trustAnchors, remark };
}

function fromDirectory(directory: string): CertificateAuthority {
  if (!URL.canParse(directory))
    throw new CliError(
      'ERR_CLI_USAGE',
      `--server "${directory}" is not a valid URL: use the CA's ACME directory, as https://ca.example/directory`,
    );
  const entry = Object.values(wellKnown).find((candidate) => candidate.directory === directory);
  return fromWellKnown(entry ?? { title: new URL(directory).host, directory });
}

/** @throws CliError `ERR_CLI_USAGE` for a name that is not in the configuration */
function issuerNamed(wanted: string, config: Config): IssuerDescription {
  const issuers = usableIssuers(config);
  const issuer = issuers.find(({ name }) => name === wanted);
  if (issuer) return issuer;
  throw new CliError(
    'ERR_CLI_USAGE',
    `--issuer ${JSON.stringify(wanted)} is not an issuer of the configuration: write a table [issuers.NAME] in acmex.toml, or use ${issuers.map(({ name }) => name).join(', ') || 'none, as there are none'}`,
  );
}

/** The first is only the default if the configuration does not choose a CA. */
function usableIssuers(config: Config): readonly IssuerDescription[] {
  const [first, ...further] = issuersOf(config);
  return [...(choosesAuthority(config) && first ? [first] : []), ...further];
}

/** Returns the issuer of the configuration that flags name, or its first if there are none. */
function configuredIssuer({ ca, prod }: AuthorityOptions, config: Config) {
  if (ca === undefined)
    return !prod && choosesAuthority(config) ? issuersNamed(config)[0] : undefined;
  return usableIssuers(config).find(({ name }) => name === ca);
}

const notTrusted = 'not trusted by browsers';

function fromWellKnown({ title, directory, staging }: WellKnownIssuer): CertificateAuthority {
  return { title, directory, remark: staging ? notTrusted : undefined };
}

/** Reports whether a configuration chooses a CA. Its default does not count. */
function choosesAuthority({ originOf }: Config): boolean {
  return [
    ...['ca', 'ca_environment', 'ca_custom_url', 'issuers'],
    ...['tos_agreed', 'external_account_binding'],
  ].some((key) => originOf(['acme', key]).from !== 'default');
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
      'an external account needs its identifier and its key: use --eab-kid and --eab-hmac-key, or the variable ACMEX_EAB_HMAC_KEY',
    );
  return async () => ({ kid, hmacKey });
}

/**
 * Returns the staging directory of a public CA; undefined if it has none. That of a staging
 * directory is itself.
 */
export function stagingOf(directory: string | undefined): string | undefined {
  const name = Object.keys(wellKnown).find(
    (candidate) => wellKnown[candidate]?.directory === directory,
  );
  return name?.endsWith('-staging') ? directory : wellKnown[`${name}-staging`]?.directory;
}

/** Returns how messages call a CA. */
export function displayName({
  title,
  remark,
}: Pick<CertificateAuthority, 'title' | 'remark'>): string {
  return remark ? `${title} (${remark})` : title;
}
