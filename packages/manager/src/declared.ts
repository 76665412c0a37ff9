import { parseListenAddress } from '@acmex/identifier';
import {
  allIssuers,
  type CertificateSpec,
  type CertificateSummary,
  type Declaration,
  type DeclaredEntry,
  type JoinOptions,
  type ManagedCertificate,
  type SpecKey,
} from '@acmex/orchestrator';
import {
  type Config,
  type ConfigValues,
  type IssuerDescription,
  issuersNamed,
  issuersOf,
  parseServedAt,
} from '@acmex/config';
import { deployRecord, type DeployStep } from './deployer.ts';
import { keepIssuer } from './issuer-record.ts';
import { declaredIssuer } from './issuers.ts';
import { serializeChallenge } from './challenge-config.ts';
import { type ConfiguredManager, resolvedIssuer } from './configured-manager.ts';
import { servedAtRecord } from './served-targets.ts';

/**
 * A certificate that was created, changed, ordered or joined with its duplicates because the
 * configuration says so.
 */
export interface Reconciliation {
  readonly id: string;
  readonly names: readonly string[];
  readonly change: Exclude<Declaration['change'], 'unchanged'> | 'joined';
}

/**
 * Brings the managed certificates into accord with `[[certificates]]`: each entry is declared, as
 * `Provisioner.declareAll`, and duplicates that versions before 0.2 made are joined. What an entry
 * does not have gets its default; but places to deploy to that were not set by an entry stay where
 * the entry has none. A certificate that no entry names any more is not changed:
 * see `declaredDifference` and `Provisioner.retire`.
 * @param onError called with each duplicate that could not be joined; it stays until the next time
 */
export async function reconcileDeclared(
  { config, storage, provisioner }: Pick<ConfiguredManager, 'config' | 'storage' | 'provisioner'>,
  { onError, signal }: Pick<JoinOptions, 'onError' | 'signal'> = {},
): Promise<readonly Reconciliation[]> {
  const { entries, issuers } = declaredEntries(config);
  for (const issuer of issuers)
    await keepIssuer(storage, await declaredIssuer(resolvedIssuer(issuer)));
  const plans = await provisioner.planAll(entries);
  const declarations = await provisioner.declareAll(entries, plans);
  const keep = new Set(declarations.map(({ certificate }) => certificate.id));
  const joined = [];
  const repeated = entries.filter((_, index) => plans[index]?.duplicates.length !== 0);
  for (const names of [...repeated.map(({ spec }) => spec.names), undefined])
    joined.push(...(await provisioner.joinDuplicates({ names, keep, onError, signal })));
  return [
    ...declarations.flatMap(({ change, certificate: { id, names } }) =>
      change === 'unchanged' ? [] : [{ id, names, change }],
    ),
    ...joined.map(({ certificate: { id, names } }) => ({ id, names, change: 'joined' as const })),
  ];
}

/** Returns what `[[certificates]]` wants. Reads and writes nothing. */
export function declaredSpecs(config: Pick<Config, 'values'>): readonly CertificateSpec[] {
  return config.values.certificates.map((entry) => {
    const { issuer, issuers = issuer === undefined ? undefined : [issuer] } = entry;
    return specOf(entry, issuersNamed(config, issuers));
  });
}

/** What a configuration would change, in the order of its entries. */
export interface DeclaredDifference {
  readonly changes: readonly DeclaredChange[];
  /**
   * The certificates that an earlier configuration declared and this one does not, the oldest first.
   */
  readonly undeclared: readonly ManagedCertificate[];
}

/** A certificate that would be created, changed or ordered. */
export interface DeclaredChange {
  readonly change: Exclude<Declaration['change'], 'unchanged'>;
  /** What is declared. */
  readonly spec: CertificateSpec;
  /** What is stored; absent for a new certificate. */
  readonly certificate?: ManagedCertificate | undefined;
  /** As it would be, without a new order; absent for a new certificate. */
  readonly next?: CertificateSummary | undefined;
  readonly differences: readonly SpecKey[];
}

/**
 * Returns what `reconcileDeclared` would change, and what is not declared any more. Nothing is
 * written.
 * @throws OrchestratorError as `Provisioner.planAll`
 */
export async function declaredDifference(
  { config, provisioner }: Pick<ConfiguredManager, 'config' | 'provisioner'>,
  { signal }: Pick<JoinOptions, 'signal'> = {},
): Promise<DeclaredDifference> {
  const { entries } = declaredEntries(config);
  const plans = await provisioner.planAll(entries);
  const claimed = new Set(
    plans.flatMap(({ certificate, duplicates }) => [certificate?.id, ...duplicates]),
  );
  const undeclared: ManagedCertificate[] = [];
  for await (const certificate of provisioner.certificates.list({ signal }))
    if (certificate.declared === true && !claimed.has(certificate.id)) undeclared.push(certificate);
  const changes = plans.flatMap(({ change, ...plan }, index): readonly DeclaredChange[] => {
    const { spec } = entries[index] ?? {};
    return change === 'unchanged' || !spec ? [] : [{ change, spec, ...plan }];
  });
  return { changes, undeclared };
}

/** The entries of a configuration, with the issuers that they use. */
function declaredEntries(config: ConfiguredManager['config']): {
  readonly entries: readonly DeclaredEntry[];
  readonly issuers: ReadonlySet<IssuerDescription>;
} {
  const known = issuersOf(config);
  const entries = declaredSpecs(config).map((spec) => {
    const keep: readonly SpecKey[] = isGeneral(spec.deploy) ? ['deploy'] : [];
    return { spec, options: { keep } };
  });
  const used = new Set(entries.flatMap(({ spec }) => allIssuers(spec)));
  const issuers = new Set(known.filter(({ name }) => used.has(name)));
  return { entries, issuers };
}

/**
 * Returns whether an entry has no place of its own: then a certificate that was put somewhere by
 * hand stays there.
 */
function isGeneral(deploy: CertificateSpec['deploy'] = []): boolean {
  return deploy.length === 1 && deploy[0]?.general === true;
}

const general: readonly DeployStep[] = [{ general: true }];

type Entry = ConfigValues['certificates'][number];

function specOf(
  entry: Entry,
  [preferred, ...fallbacks]: ReturnType<typeof issuersNamed>,
): CertificateSpec {
  // With several issuers, each uses its own when it issues.
  const { profile, preferred_chain: preferredChain } =
    fallbacks.length === 0 ? preferred : ({} as Partial<IssuerDescription>);
  const { renew_before_days: days, hooks, probe } = entry;
  const [keyType = entry.key_type, secondKeyType] = entry.key_types ?? [];
  const steps: readonly DeployStep[] = [
    ...entry.deploy.flatMap(targetsOf),
    ...(hooks.deploy ? [{ hook: hooks.deploy }] : []),
    ...entry.deploy_to.map((to) => ({ to })),
    ...(hooks.after ? [{ after: hooks.after }] : []),
    ...(probe === undefined ? [] : [{ probe: placeOf(probe) }]),
  ];
  return {
    names: entry.names.map((name) => name.toLowerCase()),
    issuer: preferred.name,
    fallbackIssuers: fallbacks.map(({ name }) => name),
    keyType,
    secondKeyType,
    key: entry.key,
    reuseKey: entry.reuse_key,
    mustStaple: entry.must_staple,
    profile: entry.profile ?? profile,
    preferredChain: entry.preferred_chain ?? preferredChain,
    declared: true,
    proof: serializeChallenge({
      challenge: entry.challenge,
      challengeDraft: entry.challenge_draft,
      dnsProvider: entry.dns_provider,
    }),
    renewBefore: days === undefined ? undefined : `P${days}D`,
    maintenanceWindows: entry.maintenance_windows,
    allowSubsetOfNames: entry.allow_subset_of_names,
    deploy: deployRecord(steps.length > 0 ? steps : general),
    servedAt: servedAtRecord([
      ...(probe === undefined ? [] : [placeOf(probe)]),
      ...entry.served_at.flatMap((text) => parseServedAt(text) ?? []),
    ]),
    labels: entry.labels,
  };
}

function targetsOf({
  directory,
  cert_path: leafPath,
  fullchain_path: certPath,
  chain_path: chainPath,
  key_path: keyPath,
  second_cert_path: secondLeafPath,
  second_fullchain_path: secondCertPath,
  second_chain_path: secondChainPath,
  second_key_path: secondKeyPath,
  ...entry
}: Entry['deploy'][number]): readonly DeployStep[] {
  const { owner, group, mode, format, path } = entry;
  const shared = {
    owner,
    group,
    ...(mode === undefined ? {} : { keyMode: Number.parseInt(mode, 8) }),
  };
  const files = {
    ...{ certPath, leafPath, chainPath, keyPath },
    ...{ secondCertPath, secondLeafPath, secondChainPath, secondKeyPath },
  };
  return [
    ...(directory === undefined ? [] : [{ directory, ...shared }]),
    ...(Object.values(files).some((path) => path !== undefined) ? [{ ...files, ...shared }] : []),
    ...(format === undefined || path === undefined
      ? []
      : [
          {
            format,
            path,
            passphraseFile: entry.passphrase_file,
            passphraseVariable: entry.passphrase_env,
            ...shared,
          },
        ]),
  ];
}

function placeOf(text: string) {
  const { host = '::1', port } = parseListenAddress(text);
  return { host, port };
}
