import { type Config, issuersOf, wellKnownIssuers } from '@acmex/config';
import type { ClientCa } from '@acmex/import';
import { type DeclaredIssuer, declaredIssuer, findIssuer, issuerName } from '@acmex/manager';
import { resolvedIssuer } from '@acmex/manager/from-config';
import type { Storage } from '@acmex/storage';
import { chooseAuthority } from '../certificate-authority.ts';
import type { Terminal } from '../terminal.ts';
import type { ImportOptions } from './options.ts';

/** The CA of certificates, and whether its account has its key in a device. */
export interface ImportAuthority extends DeclaredIssuer {
  readonly hasDeviceKey: boolean;
}

/**
 * Returns the directory URL of a CA. A host is that of `--server`, of an issuer in the
 * configuration or of a well-known CA.
 * @returns undefined for a host that none of them has
 */
export function directoryOf(
  ca: ClientCa | undefined,
  { server, configuration }: ImportOptions,
): string | undefined {
  if (ca && 'directory' in ca) return URL.canParse(ca.directory) ? ca.directory : undefined;
  if (!ca) return server;
  const known = [
    ...(server === undefined ? [] : [server]),
    ...issuersOf(configuration).map(({ directory }) => directory),
    ...Object.values(wellKnownIssuers).map(({ directory }) => directory),
  ];
  return known.find((directory) => URL.canParse(directory) && new URL(directory).host === ca.host);
}

/**
 * Returns the CA with a directory: the issuer of the configuration that has it, else one by its
 * URL. What the storage has of its certificates stays where `--ca-certificate` is absent.
 */
export async function authorityAt(
  directory: string,
  { caCertificate, configuration }: ImportOptions,
  { storage, terminal }: { readonly storage: Storage; readonly terminal: Pick<Terminal, 'env'> },
): Promise<ImportAuthority> {
  const configured = configuredAt(directory, configuration);
  const { title, ...chosen } = await chooseAuthority(
    { server: directory, caCertificate },
    configuration,
    terminal.env,
  );
  const issuer = configured
    ? await declaredIssuer(resolvedIssuer(configured))
    : { directory, title };
  const name = issuerName(issuer);
  const stored = await findIssuer(storage, name);
  return {
    ...issuer,
    name,
    caCertificate: chosen.caCertificate ?? issuer.caCertificate ?? stored?.caCertificate,
    trustAnchors: issuer.trustAnchors ?? stored?.trustAnchors,
    hasDeviceKey: configured?.account_key !== undefined,
  };
}

function configuredAt(directory: string, configuration: Config) {
  return issuersOf(configuration).find(
    (issuer) => issuer.directory === directory && issuer.accountName === undefined,
  );
}
