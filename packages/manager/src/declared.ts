import type { CertificateSpec, ManagedCertificate, Provisioner } from '@acmex/orchestrator';
import { type IssuerDescription, issuersOf, type ConfigValues } from '@acmex/config';
import { deployRecord, type DeployStep } from './deployer.ts';
import { keepIssuer } from './issuer-record.ts';
import { serializeChallenge } from './challenge-config.ts';
import { type ConfiguredManager, resolvedIssuer } from './configured-manager.ts';
import { addressOf } from './network-address.ts';

/** A certificate that was begun or changed because the configuration says so. */
export interface Reconciliation {
  readonly id: string;
  readonly names: readonly string[];
  readonly change: 'added' | 'changed' | 'ordered';
}

/**
 * Brings the managed certificates into accord with `[[certificates]]`: those that are missing are added and due at once, those that
 * say something else are changed, and ordered anew where the CA, the profile or the key's type is another. What the configuration
 * does not name stays as it is, also when it did so before.
 */
export async function reconcileDeclared({
  config,
  storage,
  provisioner,
}: Pick<ConfiguredManager, 'config' | 'storage' | 'provisioner'>): Promise<
  readonly Reconciliation[]
> {
  const issuers = issuersOf(config);
  const { certificates } = provisioner;
  const wanted = config.values.certificates.map((entry) => {
    const issuer =
      issuers.find(({ name }) => name === (entry.issuer ?? issuers[0].name)) ?? issuers[0];
    return { issuer, spec: specOf(entry, issuer) };
  });
  // Two may have the same names, by another CA or with another kind of key: each first takes the one that is just so.
  const claimed = new Map<string, CertificateSpec>();
  const claim = async (spec: CertificateSpec, fits: (one: ManagedCertificate) => boolean) => {
    if ([...claimed.values()].includes(spec)) return;
    for await (const one of certificates.withNames(spec.names)) {
      if (!claimed.has(one.id) && fits(one)) return void claimed.set(one.id, spec);
    }
  };
  for (const { spec } of wanted)
    await claim(spec, (one) => one.issuer === spec.issuer && one.keyType === spec.keyType);
  for (const { spec } of wanted) await claim(spec, (one) => one.issuer === spec.issuer);
  for (const { spec } of wanted) await claim(spec, (one) => one.declared === true);
  const done: Reconciliation[] = [];
  for (const { issuer, spec } of wanted) {
    const { directory, title, own, caCertificate } = resolvedIssuer(issuer);
    await keepIssuer(
      storage,
      { directory, title, own, caCertificate: await caCertificate?.() },
      issuer.name,
    );
    const [id] = [...claimed].find(([, one]) => one === spec) ?? [];
    const change =
      id === undefined ? 'added' : await changed(provisioner, await certificates.get(id), spec);
    if (change)
      done.push({ id: id ?? (await certificates.add(spec)).id, names: spec.names, change });
  }
  return done;
}

async function changed(
  provisioner: Provisioner,
  { id, ...found }: ManagedCertificate,
  spec: CertificateSpec,
): Promise<Reconciliation['change'] | undefined> {
  const { deploy: targets = [], ...rest } = spec;
  // An entry that names no place leaves the certificate where it was put by hand.
  const elsewhere =
    says(targets, general) && (found.deploy ?? []).length > 0
      ? false
      : !says(targets, found.deploy);
  if (
    !elsewhere &&
    Object.entries(rest).every(([key, value]) => says(value, found[key as keyof CertificateSpec]))
  )
    return undefined;
  const deploy = elsewhere
    ? { deploy: targets, deployed: undefined, deployFailure: undefined, placed: undefined }
    : {};
  await provisioner.certificates.change(id, (summary) => ({ ...summary, ...rest, ...deploy }), {
    type: 'certificate_changed',
  });
  const another = (['issuer', 'profile', 'keyType'] as const).some(
    (key) => !says(spec[key], found[key]),
  );
  if (!another || found.paused) return 'changed';
  // Another process may read the same file at the same time, and have ended the order by now.
  const order = await provisioner.submitIf(id, ({ current }) =>
    current?.generation === found.current?.generation ? { cause: 'request' } : undefined,
  );
  return order === undefined ? 'changed' : 'ordered';
}

const general: readonly DeployStep[] = [{ general: true }];

type Entry = ConfigValues['certificates'][number];

function specOf(entry: Entry, { name: issuer, profile }: IssuerDescription): CertificateSpec {
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
    reuseKey: entry.reuse_key,
    profile: entry.profile ?? profile,
    declared: true,
    proof: serializeChallenge({
      challenge: entry.challenge,
      challengeDraft: entry.challenge_draft,
      dnsProvider: entry.dns_provider,
    }),
    renewBefore: days === undefined ? undefined : `P${days}D`,
    deploy: deployRecord(steps.length > 0 ? steps : general),
    labels: entry.labels,
  };
}

function targetsOf({
  directory,
  cert_path: leafPath,
  fullchain_path: certPath,
  chain_path: chainPath,
  key_path: keyPath,
  owner,
  group,
  mode,
}: Entry['deploy'][number]): readonly DeployStep[] {
  const shared = {
    owner,
    group,
    ...(mode === undefined ? {} : { keyMode: Number.parseInt(mode, 8) }),
  };
  const files = { certPath, leafPath, chainPath, keyPath };
  return [
    ...(directory === undefined ? [] : [{ directory, ...shared }]),
    ...(Object.values(files).some((path) => path !== undefined) ? [{ ...files, ...shared }] : []),
  ];
}

function placeOf(text: string) {
  const { host = '::1', port } = addressOf(text);
  return { host, port };
}

/** Whether both say the same, as a record has it. */
function says(one: unknown, other: unknown): boolean {
  const text = (value: unknown) =>
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? 'null';
  return text(one) === text(other);
}
