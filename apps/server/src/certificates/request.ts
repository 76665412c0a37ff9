import {
  dnsProviderFor,
  dnsProvidersOf,
  isAttendedDnsProvider,
  type IssuerDescription,
  issuersNamed,
  issuersOf,
} from '@acmex/config';
import { errorText } from '@acmex/errors';
import {
  assertChallengeFits,
  type CertificateChanges,
  type DeclaredIssuer,
  declaredIssuer,
  resolveChallenge,
  serializeChallenge,
  type WantedCertificate,
  withDeployTargets,
} from '@acmex/manager';
import { resolvedIssuer } from '@acmex/manager/from-config';
import {
  allIssuers,
  type DeclareOptions,
  type ManagedCertificate,
  type SpecKey,
} from '@acmex/orchestrator';
import * as z from 'zod';
import { assertDeployTargets, assertNames, type Caller } from '../access/caller.ts';
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
  weeklyWindow,
} from '../http/fields.ts';
import type { Tenant } from '../tenants.ts';

/** What can be said of a certificate. */
export const wishes = {
  issuer: ownName.optional().describe('An issuer of acmex.toml; acme.issuers by default.'),
  issuers: z
    .array(ownName)
    .min(1)
    .max(10)
    .optional()
    .describe(
      'Several issuers in place of `issuer`, in the order in which they are used: the next one issues where one does not work or refuses the certificate.',
    ),
  profile: profile.optional(),
  preferredChain: preferredChain
    .optional()
    .describe(
      "Chain to use where the CA offers several: the common name of the issuer at its end, or the SHA-256 fingerprint of a certificate in it; the issuer's preferred_chain by default.",
    ),
  keyType: keyType
    .optional()
    .describe('ec-p256 by default. A key in a device keeps its type: a different one is refused.'),
  secondKeyType: keyType
    .optional()
    .describe(
      'Of a second key: RSA beside an EC key, or EC beside RSA. Both certificates are one: they are issued, renewed, deployed and revoked together. A single key by default.',
    ),
  reuseKey: z
    .boolean()
    .optional()
    .describe('Keep the private key at a renewal; a new one each time by default.'),
  mustStaple: z
    .boolean()
    .optional()
    .describe('Ask for a certificate that needs a stapled OCSP answer.'),
  allowSubsetOfNames: z
    .boolean()
    .optional()
    .describe(
      'Leave out names that are not validated again and again, so that the rest is issued; they are tried again each week at least.',
    ),
  challenge: challenge.optional().describe('challenge.challenge_type of acmex.toml by default.'),
  dnsProvider: ownName
    .optional()
    .describe(
      'One of challenge.dns01.providers of acmex.toml; by default the provider configured for each name. `manual`: a person sets the records that the order shows.',
    ),
  renewBeforeDays: renewBeforeDays.optional(),
  maintenanceWindows: z
    .array(weeklyWindow)
    .min(1, 'write at least one window, or leave it out')
    .max(20, 'a certificate has 20 windows at most')
    .optional()
    .describe(
      'The windows in which it is renewed, such as `Sat 02:00-06:00 Europe/Berlin`, unless a renewal is urgent; renewal.maintenance_windows of acmex.toml by default. `00:00-24:00` is at any time. Without days it is each day, and without a time zone in UTC.',
    ),
  deployTo: z
    .array(ownName)
    .max(20, 'a certificate has 20 deploy targets at most')
    .refine((names) => new Set(names).size === names.length, 'write each target once')
    .optional()
    .describe(
      'The deploy targets of acmex.toml, tables [deploy.NAME], that get it and each renewal; none by default. deploy_targets of acmex.toml has those that a request may name.',
    ),
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
  secondKeyType: orDefault(wishes.secondKeyType),
  profile: orDefault(wishes.profile),
  preferredChain: orDefault(wishes.preferredChain),
  challenge: orDefault(wishes.challenge),
  dnsProvider: orDefault(wishes.dnsProvider),
  renewBeforeDays: orDefault(wishes.renewBeforeDays),
  maintenanceWindows: orDefault(wishes.maintenanceWindows),
  deployTo: orDefault(wishes.deployTo),
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
    issuers: several,
    profile: wished,
    preferredChain: chain,
    keyType: type = 'ec-p256',
    secondKeyType,
    reuseKey = false,
    mustStaple = false,
    allowSubsetOfNames = false,
    challenge: way,
    dnsProvider,
    renewBeforeDays: days,
    maintenanceWindows,
    deployTo = [],
    labels: labels = {},
  }: CertificateRequest,
  caller: Caller,
): Promise<WantedCertificate> {
  const { tenant } = caller;
  assertNames(caller, names);
  assertDeployTargets(caller, deployTo);
  const [issuer, ...fallbacks] = issuersFor(tenant, { issuer: named, issuers: several });
  // With several issuers, each uses its own profile and chain when it issues.
  const defaults = fallbacks.length === 0 ? issuer : undefined;
  const proof = serializeChallenge({ challenge: way, dnsProvider });
  assertValidation(tenant, names, proof);
  assertProviders(tenant, names, resolveChallenge(proof, tenant.manager.challenge));
  return {
    names,
    issuer: await declaredIssuer(resolvedIssuer(issuer)),
    fallbackIssuers: await declaredIssuers(fallbacks),
    keyType: type,
    secondKeyType,
    reuseKey,
    mustStaple,
    allowSubsetOfNames,
    profile: wished ?? defaults?.profile,
    preferredChain: chain ?? defaults?.preferred_chain,
    proof,
    labels: labels,
    renewBefore: days === undefined ? undefined : `P${days}D`,
    maintenanceWindows,
    deploy: withDeployTargets([], deployTo),
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
): Promise<Pick<CertificateChanges, 'issuer' | 'fallbackIssuers' | 'changesOf'>> {
  const { tenant } = caller;
  if (change.names) assertNames(caller, change.names);
  assertDeployTargets(caller, change.deployTo ?? []);
  const isNamed = (change.issuers ?? change.issuer) !== undefined;
  const [issuer, ...fallbacks] = isNamed ? issuersFor(tenant, change) : [];
  return {
    issuer: issuer && (await declaredIssuer(resolvedIssuer(issuer))),
    fallbackIssuers: await declaredIssuers(fallbacks),
    changesOf: (certificate) => {
      const all = issuersOf(tenant.manager.config);
      const single = issuer ?? all.find(({ name }) => name === certificate.issuer);
      const hasFallbacks = issuer ? fallbacks.length > 0 : allIssuers(certificate).length > 1;
      const defaults = hasFallbacks ? undefined : single;
      const isMoved = issuer !== undefined && issuer.name !== certificate.issuer;
      const days = change.renewBeforeDays;
      return onlyChanges({
        names: change.names,
        keyType: change.keyType,
        secondKeyType: change.secondKeyType,
        reuseKey: change.reuseKey,
        mustStaple: change.mustStaple,
        allowSubsetOfNames: change.allowSubsetOfNames,
        labels: change.labels,
        profile: valueOrDefault(change.profile, defaults?.profile, isMoved),
        preferredChain: valueOrDefault(change.preferredChain, defaults?.preferred_chain, isMoved),
        proof: changedProof(change, certificate, tenant),
        renewBefore: typeof days === 'number' ? `P${days}D` : days,
        maintenanceWindows: change.maintenanceWindows,
        deploy:
          change.deployTo === undefined
            ? undefined
            : withDeployTargets(certificate.deploy, change.deployTo ?? []),
      });
    },
  };
}

/**
 * Returns the spec for an existing certificate: these deploy targets are in place of its own, and the
 * files, programs and probes that acmex.toml or the command line gave it stay.
 */
export function deployedTo(names: readonly string[]): NonNullable<DeclareOptions['specFor']> {
  return ({ deploy: _, ...spec }, existing) => {
    const deploy = withDeployTargets(existing.deploy, names);
    return deploy ? { ...spec, deploy } : spec;
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
  const { challenge: way, dnsProvider, renewBeforeDays, deployTo, ...same } = request;
  const specified: Readonly<Partial<Record<SpecKey, unknown>>> = {
    ...same,
    issuer: request.issuer ?? request.issuers,
    fallbackIssuers: request.issuer ?? request.issuers,
    proof: way ?? dnsProvider,
    renewBefore: renewBeforeDays,
    deploy: deployTo,
  };
  const keys = [
    'issuer',
    'fallbackIssuers',
    'profile',
    'preferredChain',
    'keyType',
    'secondKeyType',
    'reuseKey',
    'mustStaple',
    'allowSubsetOfNames',
    'proof',
    'renewBefore',
    'maintenanceWindows',
    'deploy',
    'servedAt',
    'labels',
  ] as const satisfies readonly SpecKey[];
  return keys.filter((key) => specified[key] === undefined);
}

/**
 * The issuers that a request names, else those that are used where it names none: of `acme.issuers`
 * those that the tenant may use.
 * @throws ServerError `ERR_SERVER_BODY`, `ERR_SERVER_NAMES`
 */
export function issuersFor(
  tenant: Pick<Tenant, 'manager' | 'issuers' | 'name'>,
  { issuer, issuers }: Pick<CertificateRequest, 'issuer' | 'issuers'>,
): readonly [IssuerDescription, ...IssuerDescription[]] {
  if (issuer !== undefined && issuers !== undefined)
    throw wrong('/issuers', 'does not go with issuer: write only issuers, the preferred one first');
  if (issuers !== undefined && new Set(issuers).size < issuers.length)
    throw wrong('/issuers', 'has a name twice: write each issuer once');
  const [first, ...further] = issuers ?? [];
  if (first !== undefined)
    return [
      issuerFor(tenant, first, '/issuers'),
      ...further.map((name) => issuerFor(tenant, name, '/issuers')),
    ];
  if (issuer !== undefined) return [issuerFor(tenant, issuer)];
  const [preferred, ...fallbacks] = issuersNamed(tenant.manager.config).filter(
    ({ name }) => tenant.issuers?.includes(name) ?? true,
  );
  return preferred ? [preferred, ...fallbacks] : [issuerFor(tenant, undefined)];
}

async function declaredIssuers(
  issuers: readonly IssuerDescription[],
): Promise<readonly DeclaredIssuer[]> {
  return await Promise.all(
    issuers.map(async (issuer) => await declaredIssuer(resolvedIssuer(issuer))),
  );
}

/**
 * The issuer of this name, or the first that the tenant may use where none is named.
 * @throws ServerError `ERR_SERVER_BODY`, `ERR_SERVER_NAMES`
 */
export function issuerFor(
  { manager: { config }, issuers, name }: Pick<Tenant, 'manager' | 'issuers' | 'name'>,
  named: string | undefined,
  pointer = '/issuer',
): IssuerDescription {
  const all = issuersOf(config);
  const allowed = all.filter((candidate) => issuers?.includes(candidate.name) ?? true);
  const match =
    named === undefined ? allowed[0] : allowed.find((candidate) => candidate.name === named);
  if (match) return match;
  if (all.some((candidate) => candidate.name === named))
    throw new ServerError('ERR_SERVER_NAMES', `the tenant ${name} may not use the CA ${named}`);
  throw wrong(
    pointer,
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
