import { parseListenAddress } from '@acmex/identifier';
import type { CertificateSpec, Declaration, JoinOptions, SpecKey } from '@acmex/orchestrator';
import {
  type Config,
  type ConfigValues,
  type IssuerDescription,
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
 * the entry has none. A certificate that no entry names any more stays as it is.
 * @param onError called with each duplicate that could not be joined; it stays until the next time
 */
export async function reconcileDeclared(
  { config, storage, provisioner }: Pick<ConfiguredManager, 'config' | 'storage' | 'provisioner'>,
  { onError, signal }: Pick<JoinOptions, 'onError' | 'signal'> = {},
): Promise<readonly Reconciliation[]> {
  const issuers = issuersOf(config);
  const entries = declaredSpecs(config).map((spec) => {
    const keep: readonly SpecKey[] = isGeneral(spec.deploy) ? ['deploy'] : [];
    return { spec, options: { keep } };
  });
  for (const issuer of new Set(config.values.certificates.map((entry) => issuerOf(entry, issuers))))
    await keepIssuer(storage, await declaredIssuer(resolvedIssuer(issuer)));
  const declarations = await provisioner.declareAll(entries);
  const keep = new Set(declarations.map(({ certificate }) => certificate.id));
  const joined = [];
  for (const names of [...entries.map(({ spec }) => spec.names), undefined])
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
  const issuers = issuersOf(config);
  return config.values.certificates.map((entry) => specOf(entry, issuerOf(entry, issuers)));
}

function issuerOf(
  { issuer: name }: Entry,
  issuers: ReturnType<typeof issuersOf>,
): IssuerDescription {
  return issuers.find((issuer) => issuer.name === name) ?? issuers[0];
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
  { name: issuer, profile, preferred_chain: preferredChain }: IssuerDescription,
): CertificateSpec {
  const { renew_before_days: days, hooks, probe } = entry;
  const steps: readonly DeployStep[] = [
    ...entry.deploy.flatMap(targetsOf),
    ...(hooks.deploy ? [{ hook: hooks.deploy }] : []),
    ...(hooks.after ? [{ after: hooks.after }] : []),
    ...(probe === undefined ? [] : [{ probe: placeOf(probe) }]),
  ];
  return {
    names: entry.names.map((name) => name.toLowerCase()),
    issuer,
    keyType: entry.key_type,
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
  ...entry
}: Entry['deploy'][number]): readonly DeployStep[] {
  const { owner, group, mode, format, path } = entry;
  const shared = {
    owner,
    group,
    ...(mode === undefined ? {} : { keyMode: Number.parseInt(mode, 8) }),
  };
  const files = { certPath, leafPath, chainPath, keyPath };
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
