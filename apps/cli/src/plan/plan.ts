import {
  type Bucket,
  type ChosenEntry,
  type LimitName,
  limitText,
  planAmong,
  type PlannedCa,
  type PlannedChoice,
  type PlanRefusal,
} from '@acmex/budgets';
import { registeredDomain } from '@acmex/budgets/registered-domain';
import { systemClock } from '@acmex/clock';
import { type Config, issuersNamed } from '@acmex/config';
import { errorText } from '@acmex/errors';
import { identifiers, privateCa, publicCa } from '@acmex/identifier';
import { budgetPlace, type LimitedIssuer, limitsOf, renewalShareOf } from '@acmex/manager';
import { resolvedIssuer } from '@acmex/manager/from-config';
import { CertificateStore, storedBudgets } from '@acmex/orchestrator';
import type { Storage } from '@acmex/storage';
import { type AuthorityOptions, chooseAuthority } from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import { openStorage } from '../open-storage.ts';
import { type ConfiguredOutputOptions, formatResult, type Result, table } from '../output.ts';
import { readText } from '../read-text.ts';
import { reporter, type Terminal } from '../terminal.ts';

export interface PlanCommandOptions extends ConfiguredOutputOptions, AuthorityOptions {
  readonly profile?: string | undefined;
}

/** Some of the certificates would be refused. */
const incomplete = 9;

/** A CA, as a plan needs it. */
interface PlannedIssuer extends LimitedIssuer {
  /** For people. */
  readonly title: string;
  readonly profile?: string | undefined;
}

/** A certificate to plan. */
export interface Wanted {
  readonly names: readonly string[];
  /** For all of its issuers; by default each has that of its settings. */
  readonly profile?: string | undefined;
  /** The preferred one first; from one. */
  readonly issuers: readonly PlannedIssuer[];
}

/** What a plan says of a certificate. */
export interface PlannedCertificate {
  readonly names: readonly string[];
  /** The one that issues it. */
  readonly issuer: string;
  /** The preferred issuer, whose limits are used up or which refuses the certificate. */
  readonly insteadOf?: string | undefined;
  /** `unlimited`: the limits of the CA are not known. */
  readonly result: 'planned' | 'refused' | 'issued' | 'unlimited';
  /** RFC 3339 */
  readonly at?: string | undefined;
  readonly waitsFor?: string | undefined;
  readonly refusals?: readonly { readonly code: string; readonly message: string }[] | undefined;
}

/** A plan, as JSON. */
export interface PlanDocument {
  readonly from: string;
  /** When the last order can be made. */
  readonly end: string;
  readonly certificates: readonly PlannedCertificate[];
  /** What has to be waited for, the limit that is done last first. */
  readonly limits: readonly {
    readonly issuer: string;
    readonly limit: string;
    readonly certificates: number;
    readonly earliestEnd: string;
  }[];
}

/**
 * `acmex plan`: shows when and where the limits of the CAs allow each certificate, without a request
 * to them.
 * @returns the exit code
 */
export async function planCertificates(
  file: string | undefined,
  options: PlanCommandOptions,
  terminal: Terminal,
): Promise<number> {
  const report = await reporter(terminal, options);
  const wanted = await wantedCertificates(file, options, terminal);
  await using storage = await openStorage(options, terminal, report);
  const document = await planOf(wanted, { storage, now: systemClock.now().epochMilliseconds });
  report.close();
  terminal.stdout.write(formatResult(toResult(document), options.output));
  return document.certificates.some(({ result }) => result === 'refused') ? incomplete : 0;
}

async function wantedCertificates(
  file: string | undefined,
  options: PlanCommandOptions,
  { env }: Terminal,
): Promise<readonly Wanted[]> {
  const { configuration, profile, ca, server, prod } = options;
  const isChosen = ca !== undefined || server !== undefined || prod === true;
  const chosen =
    isChosen || file !== undefined ? await chooseAuthority(options, configuration, env) : undefined;
  if (file !== undefined && chosen) {
    const lines = namesIn(await readText(file, 'the list of names'));
    if (lines.length > 0) return lines.map((names) => ({ names, issuers: [chosen], profile }));
    throw new CliError(
      'ERR_CLI_FILE',
      `the list of names ${file} has no name: write the names of one certificate on each line`,
    );
  }
  const wanted = configuredCertificates(configuration).map((entry) => ({
    ...entry,
    issuers: chosen ? [chosen] : entry.issuers,
    profile: profile ?? entry.profile,
  }));
  if (wanted.length > 0) return wanted;
  throw new CliError(
    'ERR_CLI_USAGE',
    'there is nothing to plan: name a file with the names of one certificate on each line, or add [[certificates]] to the configuration',
  );
}

/** Returns the names of each line; what follows a `#` is a comment. */
function namesIn(text: string): readonly (readonly string[])[] {
  return text
    .split(/\r?\n/)
    .map((line) =>
      line
        .replace(/#.*$/, '')
        .split(/[\s,]+/)
        .filter((name) => name !== ''),
    )
    .filter((names) => names.length > 0);
}

function configuredCertificates(config: Config): readonly Wanted[] {
  return config.values.certificates.flatMap((entry) => {
    const {
      names,
      key_types: keyTypes = [entry.key_type],
      profile,
      issuers = entry.issuer === undefined ? undefined : [entry.issuer],
    } = entry;
    const planned = { names, issuers: issuersNamed(config, issuers).map(resolvedIssuer), profile };
    // Each key is ordered for itself.
    return keyTypes.map(() => ({ ...planned }));
  });
}

/**
 * Returns the plan of certificates, with the buckets in a storage.
 * @param options `existing`: whether a certificate that the storage has with the same names is left
 * out, which is the default, or ordered again
 */
export async function planOf(
  wanted: readonly Wanted[],
  {
    storage,
    now,
    existing = 'left-out',
  }: {
    readonly storage: Storage;
    readonly now: number;
    readonly existing?: 'left-out' | 'ordered';
  },
): Promise<PlanDocument> {
  const issued = existing === 'ordered' ? new Set<string>() : await issuedNames(storage);
  const certificates: PlannedCertificate[] = [];
  const planned: (Planned & { readonly index: number })[] = [];
  for (const [index, certificate] of wanted.entries()) {
    const { choices, refusal } = choicesOf(certificate);
    const names = choices[0]?.order.names;
    const shared = { names: certificate.names, issuer: certificate.issuers[0]?.title ?? '' };
    if (!names) certificates[index] = { ...shared, result: 'refused', refusals: refusal };
    else if (issued.has(keyOf(names))) certificates[index] = { ...shared, result: 'issued' };
    else planned.push({ index, wanted: certificate, choices });
  }
  const cas = await plannedCas(
    planned.flatMap(({ choices }) => choices.map(({ issuer }) => issuer)),
    storage,
  );
  const plan = planAmong(
    planned.map(({ choices }) => choices.map(({ order }) => order)),
    { cas, registeredDomain, now },
  );
  for (const [position, { index, ...certificate }] of planned.entries()) {
    const entry = plan.entries[position];
    if (entry) certificates[index] = toPlanned(entry, certificate, cas);
  }
  const limits = plan.used.map(({ ca, limit, subject, taken, earliestEnd }) => ({
    issuer: cas.get(ca)?.title ?? ca,
    limit: limitOf(cas.get(ca), limit, subject),
    certificates: taken,
    earliestEnd: timeText(earliestEnd),
  }));
  return { from: timeText(now), end: timeText(plan.end), certificates, limits };
}

/** A certificate with the issuers that may issue it. */
interface Planned {
  readonly wanted: Wanted;
  readonly choices: readonly { readonly issuer: PlannedIssuer; readonly order: PlannedChoice }[];
}

type TitledCa = PlannedCa & Pick<PlannedIssuer, 'title'>;

/** Returns the issuers that may have the names; else why the first may not. */
function choicesOf({
  names,
  profile,
  issuers,
}: Wanted): Pick<Planned, 'choices'> & { readonly refusal: PlannedCertificate['refusals'] } {
  const parsed = issuers.map((issuer) => ({
    issuer,
    read: canonical(names, limitsOf(issuer) !== undefined),
  }));
  const [first] = parsed;
  return {
    choices: parsed.flatMap(({ issuer, read }) => {
      if ('refusal' in read) return [];
      const { ca, account } = budgetPlace(issuer);
      const order = { names: read.names, ca, account, profile: profile ?? issuer.profile };
      return [{ issuer, order }];
    }),
    refusal: first && 'refusal' in first.read ? [first.read.refusal] : [],
  };
}

/** Returns the CAs of issuers, with their buckets in a storage. */
async function plannedCas(
  issuers: readonly PlannedIssuer[],
  storage: Storage,
): Promise<ReadonlyMap<string, TitledCa>> {
  const cas = new Map<string, TitledCa>();
  for (const issuer of issuers) {
    const { ca } = budgetPlace(issuer);
    if (cas.has(ca)) continue;
    const buckets = new Map<string, Bucket>();
    const limits = limitsOf(issuer);
    if (limits)
      for await (const { key, ...bucket } of storedBudgets(storage, ca)) buckets.set(key, bucket);
    cas.set(ca, {
      ...{ title: issuer.title, buckets, renewalShare: renewalShareOf(issuer) },
      limits: limits ?? { limits: {}, exemptsRenewals: false },
    });
  }
  return cas;
}

function toPlanned(
  entry: ChosenEntry,
  { wanted: { names, issuers }, choices }: Planned,
  cas: ReadonlyMap<string, TitledCa>,
): PlannedCertificate {
  const preferred = issuers[0]?.title ?? '';
  if ('refusals' in entry)
    return { names, issuer: preferred, result: 'refused', refusals: entry.refusals };
  const { at, waitsFor, choice } = entry;
  const issuer = choices[choice]?.issuer;
  const shared = {
    names,
    issuer: issuer?.title ?? preferred,
    ...(issuer === issuers[0] ? {} : { insteadOf: preferred }),
  };
  if (issuer && !limitsOf(issuer)) return { ...shared, result: 'unlimited' };
  const text = waitsFor && limitOf(cas.get(waitsFor.ca), waitsFor.limit, waitsFor.subject);
  return { ...shared, result: 'planned', at: timeText(at), waitsFor: text };
}

function limitOf(ca: PlannedCa | undefined, limit: LimitName, subject: string): string {
  const rule = ca?.limits.limits[limit];
  return rule ? limitText(limit, subject, rule) : limit;
}

/** Returns names in canonical form, or why no certificate can have them. */
function canonical(
  names: readonly string[],
  isPublic: boolean,
):
  | { readonly names: readonly string[] }
  | { readonly refusal: Omit<PlanRefusal, 'code'> & { readonly code: 'name' } } {
  try {
    const parsed = identifiers(names, { rule: isPublic ? publicCa : privateCa });
    return { names: parsed.map(({ value }) => value) };
  } catch (error) {
    return { refusal: { code: 'name', message: errorText(error) } };
  }
}

/** Returns the names of the certificates that are managed and in use. */
async function issuedNames(storage: Storage): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for await (const { current, names } of new CertificateStore({ storage }).list())
    if (current) keys.add(keyOf(identifiers(names).map(({ value }) => value)));
  return keys;
}

const keyOf = (names: readonly string[]) => [...names].sort().join(' ');

function toResult(document: PlanDocument): Result {
  const rows = document.certificates.map(
    ({ names, issuer, insteadOf, result, at, waitsFor, refusals = [] }) => ({
      at: at ?? result,
      names:
        names.length > 3 ? `${names.slice(0, 3).join(' ')} … (${names.length})` : names.join(' '),
      issuer,
      remark:
        waitsFor ?? insteadText(insteadOf) ?? refusals.map(({ message }) => message).join('; '),
    }),
  );
  return { text: [table(rows), ...summary(document)].join('\n'), document, rows };
}

function insteadText(insteadOf: string | undefined): string | undefined {
  return insteadOf && `instead of ${insteadOf}, whose limits are used up or which refuses it`;
}

function summary({ certificates, limits, end }: PlanDocument): readonly string[] {
  const counts = (['planned', 'refused', 'issued', 'unlimited'] as const)
    .map(
      (result) => [certificates.filter((entry) => entry.result === result).length, result] as const,
    )
    .filter(([count]) => count > 0)
    .map(([count, result]) => `${count} ${result}`);
  const isPlanned = certificates.some(({ result }) => result === 'planned');
  return [
    '',
    `${certificates.length} certificates: ${counts.join(', ')}${isPlanned ? `; the last is ordered at ${end}` : ''}`,
    ...limits
      .slice(0, 5)
      .map(
        ({ issuer, limit, certificates: count, earliestEnd }) =>
          `${issuer} allows ${limit}: ${count} certificates, at the earliest until ${earliestEnd}`,
      ),
  ];
}

function timeText(milliseconds: number): string {
  return new Date(Math.ceil(milliseconds / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
