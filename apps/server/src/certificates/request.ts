import { dnsProviderFor, dnsProvidersOf, isAttendedDnsProvider, issuersOf } from '@acmex/config';
import { errorText } from '@acmex/errors';
import {
  assertChallengeFits,
  type CertificateChanges,
  declaredIssuer,
  deployRecord,
  resolveChallenge,
  serializeChallenge,
  type WantedCertificate,
} from '@acmex/manager';
import { resolvedIssuer } from '@acmex/manager/from-config';
import type { ManagedCertificate, SpecKey } from '@acmex/orchestrator';
import * as z from 'zod';
import { assertNames, type Caller } from '../access/caller.ts';
import { ServerError } from '../errors.ts';
import {
  certifiedNames,
  challenge,
  keyType,
  labels,
  ownName,
  preferredChain,
  profile,
  renewBeforeDays,
  templateName,
} from '../http/fields.ts';
import type { Tenant } from '../tenants.ts';

/** What can be said of a certificate. */
export const wishes = {
  issuer: ownName.optional().describe('An issuer of acmex.toml; the one of [acme] by default.'),
  profile: profile.optional(),
  preferredChain: preferredChain
    .optional()
    .describe(
      "Chain to use where the CA offers several: the common name of the issuer at its end, or the SHA-256 fingerprint of a certificate in it; the issuer's preferred_chain by default.",
    ),
  keyType: keyType
    .optional()
    .describe('ec-p256 by default. A key in a device keeps its type: a different one is refused.'),
  reuseKey: z
    .boolean()
    .optional()
    .describe('Keep the private key at a renewal; a new one each time by default.'),
  mustStaple: z
    .boolean()
    .optional()
    .describe('Ask for a certificate that needs a stapled OCSP answer.'),
  challenge: challenge.optional().describe('challenge.challenge_type of acmex.toml by default.'),
  dnsProvider: ownName
    .optional()
    .describe(
      'One of challenge.dns01.providers of acmex.toml; by default the provider configured for each name. `manual`: a person sets the records that the order shows.',
    ),
  renewBeforeDays: renewBeforeDays.optional(),
  labels: labels.optional(),
};
/** A template that a request takes values from. */
export const template = templateName.describe(
  'A template: it gives the values that the request does not have; labels are joined.',
);
/** What can be changed of a certificate; null asks for the default. */
export const changeableWishes = {
  ...wishes,
  names: certifiedNames.optional().describe('All names of the certificate.'),
  profile: orDefault(wishes.profile),
  preferredChain: orDefault(wishes.preferredChain),
  challenge: orDefault(wishes.challenge),
  dnsProvider: orDefault(wishes.dnsProvider),
  renewBeforeDays: orDefault(wishes.renewBeforeDays),
};
type CertificateChange = z.output<z.ZodObject<typeof changeableWishes>>;

export const certificateRequest = z.strictObject({ names: certifiedNames, ...wishes });
export type CertificateRequest = z.output<typeof certificateRequest>;

/**
 * The certificate that is asked for, where caller and tenant may have it.
 * @throws ServerError `ERR_SERVER_NAMES`, `ERR_SERVER_BODY`
 */
export async function specOf(
  {
    names,
    issuer: named,
    profile: wished,
    preferredChain: chain,
    keyType: type = 'ec-p256',
    reuseKey = false,
    mustStaple = false,
    challenge: way,
    dnsProvider,
    renewBeforeDays: days,
    labels: labels = {},
  }: CertificateRequest,
  caller: Caller,
): Promise<WantedCertificate> {
  const { tenant } = caller;
  assertNames(caller, names);
  const issuer = issuerFor(tenant, named);
  const proof = serializeChallenge({ challenge: way, dnsProvider });
  assertValidation(tenant, names, proof);
  assertProviders(tenant, names, resolveChallenge(proof, tenant.manager.challenge));
  return {
    names,
    issuer: await declaredIssuer(resolvedIssuer(issuer)),
    keyType: type,
    reuseKey,
    mustStaple,
    profile: wished ?? issuer.profile,
    preferredChain: chain ?? issuer.preferred_chain,
    proof,
    labels: labels,
    renewBefore: days === undefined ? undefined : `P${days}D`,
    deploy: deployRecord([{ general: true }]),
  };
}

/**
 * Returns the changes that are asked for, where caller and tenant may have them. With another
 * issuer, profile and preferred chain are those of that issuer by default. Only what is changed is
 * checked: the configuration may have lost what the rest of the certificate names.
 * @throws ServerError `ERR_SERVER_NAMES`, `ERR_SERVER_BODY`
 */
export async function changesOf(
  change: CertificateChange,
  caller: Caller,
): Promise<Pick<CertificateChanges, 'issuer' | 'changesOf'>> {
  const { tenant } = caller;
  if (change.names) assertNames(caller, change.names);
  const issuer = change.issuer === undefined ? undefined : issuerFor(tenant, change.issuer);
  return {
    issuer: issuer && (await declaredIssuer(resolvedIssuer(issuer))),
    changesOf: (certificate) => {
      const all = issuersOf(tenant.manager.config);
      const defaults = issuer ?? all.find(({ name }) => name === certificate.issuer);
      const isMoved = issuer !== undefined && issuer.name !== certificate.issuer;
      const days = change.renewBeforeDays;
      return onlyChanges({
        names: change.names,
        keyType: change.keyType,
        reuseKey: change.reuseKey,
        mustStaple: change.mustStaple,
        labels: change.labels,
        profile: valueOrDefault(change.profile, defaults?.profile, isMoved),
        preferredChain: valueOrDefault(change.preferredChain, defaults?.preferred_chain, isMoved),
        proof: changedProof(change, certificate, tenant),
        renewBefore: typeof days === 'number' ? `P${days}D` : days,
      });
    },
  };
}

/** Returns how the changed certificate is validated; undefined where that does not change. */
function changedProof(
  { challenge: way, dnsProvider, names }: CertificateChange,
  certificate: ManagedCertificate,
  tenant: Tenant,
): WantedCertificate['proof'] {
  const isChanged = way !== undefined || dnsProvider !== undefined;
  if (!isChanged && names === undefined) return undefined;
  // The draft belongs to the challenge that is replaced, the variables to the provider.
  const replaced = [
    ...(way === undefined ? [] : ['challenge', 'challengeDraft']),
    ...(dnsProvider === undefined ? [] : ['dnsProvider', 'dnsVariables', 'dnsEnv']),
  ];
  const remaining = Object.entries(certificate.proof ?? {}).filter(
    ([key]) => !replaced.includes(key),
  );
  const proof = {
    ...Object.fromEntries(remaining),
    ...serializeChallenge({ challenge: way ?? undefined, dnsProvider: dnsProvider ?? undefined }),
  };
  const resulting = names ?? certificate.names;
  assertValidation(tenant, resulting, proof);
  assertProviders(tenant, resulting, resolveChallenge(proof, tenant.manager.challenge));
  return isChanged ? proof : undefined;
}

/** Returns undefined to keep a value, null for none. */
function valueOrDefault(
  value: string | null | undefined,
  byDefault: string | undefined,
  isMoved: boolean,
): string | null | undefined {
  return value === null || (value === undefined && isMoved) ? (byDefault ?? null) : value;
}

/** Returns the values that are not undefined, and undefined for those that are null. */
function onlyChanges<T extends object>(
  values: T,
): { [K in keyof T]?: Exclude<T[K], null> | undefined } {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, value ?? undefined]),
  ) as { [K in keyof T]?: Exclude<T[K], null> | undefined };
}

/** Returns the schema of a value that null removes, with the same description. */
function orDefault<T extends z.ZodType>(value: T): z.ZodNullable<T> {
  const { description = '' } = value;
  return value.nullable().describe(`${description} null for the default.`.trim());
}

/** Returns the keys of a certificate for which a request has no value. */
export function unspecified(request: Partial<CertificateRequest>): readonly SpecKey[] {
  const { challenge: way, dnsProvider, renewBeforeDays, ...same } = request;
  const specified: Readonly<Partial<Record<SpecKey, unknown>>> = {
    ...same,
    proof: way ?? dnsProvider,
    renewBefore: renewBeforeDays,
  };
  const keys = [
    'issuer',
    'profile',
    'preferredChain',
    'keyType',
    'reuseKey',
    'mustStaple',
    'proof',
    'renewBefore',
    'deploy',
    'servedAt',
    'labels',
  ] as const satisfies readonly SpecKey[];
  return keys.filter((key) => specified[key] === undefined);
}

/**
 * The issuer of this name, or the one that is used where none is named.
 * @throws ServerError `ERR_SERVER_BODY`, `ERR_SERVER_NAMES`
 */
export function issuerFor(
  { manager: { config }, issuers, name }: Pick<Tenant, 'manager' | 'issuers' | 'name'>,
  named: string | undefined,
): ReturnType<typeof issuersOf>[0] {
  const all = issuersOf(config);
  const allowed = all.filter((candidate) => issuers?.includes(candidate.name) ?? true);
  const match =
    named === undefined ? allowed[0] : allowed.find((candidate) => candidate.name === named);
  if (match) return match;
  if (all.some((candidate) => candidate.name === named))
    throw new ServerError('ERR_SERVER_NAMES', `the tenant ${name} may not use the CA ${named}`);
  throw wrong(
    '/issuer',
    `${JSON.stringify(named)} is none of ${allowed.map((candidate) => candidate.name).join(', ')}`,
  );
}

/**
 * Makes sure that the names can be validated as the request and the configuration say.
 * @throws ServerError `ERR_SERVER_BODY`
 */
function assertValidation(
  { manager }: Tenant,
  names: readonly string[],
  proof: ReturnType<typeof serializeChallenge>,
): void {
  const { challenge: type } = resolveChallenge(proof, manager.challenge);
  try {
    assertChallengeFits(names, type);
  } catch (error) {
    throw wrong('/challenge', errorText(error));
  }
}

/** That all records are written by providers which the tenant may use, or by a person. */
function assertProviders(
  { manager: { config }, dnsProviders, name: tenant }: Tenant,
  names: readonly string[],
  { challenge: way, dnsProvider: named }: ReturnType<typeof resolveChallenge>,
): void {
  if (way !== 'dns-01' && way !== 'dns-account-01') return;
  if (isAttendedDnsProvider(named, config)) return;
  const known = dnsProvidersOf(config).map((provider) => provider.name);
  const allowed = known.filter((provider) => dnsProviders?.includes(provider) ?? true);
  if (allowed.length === 0)
    throw wrong(
      '/dnsProvider',
      `${way} needs one of challenge.dns01.providers of acmex.toml, which has none: choose manual, where a person sets the records`,
    );
  if (named !== undefined && !known.includes(named))
    throw wrong('/dnsProvider', `${way} needs one of ${allowed.join(', ')}`);
  for (const name of names) {
    const writer = writerOf(name, config, named);
    if (writer !== undefined && (allowed.includes(writer) || isAttendedDnsProvider(writer, config)))
      continue;
    if (named !== undefined && !allowed.includes(named))
      throw new ServerError(
        'ERR_SERVER_NAMES',
        `the tenant ${tenant} may not use the DNS provider ${named}`,
      );
    // Whose zones there are besides is not for every tenant to know.
    throw wrong(
      '/dnsProvider',
      `none of ${allowed.join(', ')} writes the records of ${name}: take it away, or ask for another way to prove it`,
    );
  }
}

/** Returns the provider that writes the records of a name; undefined where there is none. */
function writerOf(
  name: string,
  config: Tenant['manager']['config'],
  named: string | undefined,
): string | undefined {
  try {
    return dnsProviderFor(name, { config, named });
  } catch {
    return undefined;
  }
}

function wrong(pointer: string, detail: string): ServerError {
  return new ServerError('ERR_SERVER_BODY', `the body cannot be used: ${pointer} ${detail}`, {
    errors: [{ pointer, detail }],
  });
}
