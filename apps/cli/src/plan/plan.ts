import {
  type Bucket,
  limitText,
  plan,
  type PlanEntry,
  type PlannedUse,
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
}

/** A certificate to plan. */
export interface Wanted {
  readonly names: readonly string[];
  readonly profile?: string | undefined;
  readonly issuer: PlannedIssuer;
}

/** What a plan says of a certificate. */
export interface PlannedCertificate {
  readonly names: readonly string[];
  readonly issuer: string;
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
 * `acmex plan`: shows when the limits of the CA allow each certificate, without a request to it.
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
    if (lines.length > 0)
      return lines.map((names) => ({ names, issuer: chosen, profile: profile ?? chosen.profile }));
    throw new CliError(
      'ERR_CLI_FILE',
      `the list of names ${file} has no name: write the names of one certificate on each line`,
    );
  }
  const wanted = configuredCertificates(configuration).map((entry) => ({
    ...entry,
    issuer: chosen ?? entry.issuer,
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
  return config.values.certificates.map((entry) => {
    const {
      names,
      profile,
      issuers = entry.issuer === undefined ? undefined : [entry.issuer],
    } = entry;
    // The others issue only where it does not work.
    const issuer = resolvedIssuer(issuersNamed(config, issuers)[0]);
    return { names, issuer, profile: profile ?? issuer.profile };
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
  const places = new Map<string, number[]>();
  for (const [index, { names, issuer }] of wanted.entries()) {
    const { ca } = budgetPlace(issuer);
    const limits = limitsOf(issuer);
    const parsed = canonical(names, limits !== undefined);
    const shared = { names, issuer: issuer.title };
    if ('refusal' in parsed)
      certificates[index] = { ...shared, result: 'refused', refusals: [parsed.refusal] };
    else if (issued.has(keyOf(parsed.names))) certificates[index] = { ...shared, result: 'issued' };
    else if (!limits) certificates[index] = { ...shared, result: 'unlimited' };
    else places.set(ca, [...(places.get(ca) ?? []), index]);
  }
  const limits: PlanDocument['limits'][number][] = [];
  let end = now;
  for (const indexes of places.values()) {
    const atCa = indexes.flatMap((index) => wanted[index] ?? []);
    const planned = await planAt(atCa, { storage, now });
    for (const [position, index] of indexes.entries()) {
      const [entry, of] = [planned.entries[position], wanted[index]];
      if (entry && of) certificates[index] = toPlanned(entry, of);
    }
    limits.push(...planned.limits);
    end = Math.max(end, planned.end);
  }
  return { from: timeText(now), end: timeText(end), certificates, limits };
}

/** Plans certificates at one CA. */
async function planAt(
  wanted: readonly Wanted[],
  { storage, now }: { readonly storage: Storage; readonly now: number },
) {
  const [first] = wanted;
  const limits = first && limitsOf(first.issuer);
  if (!first || !limits) return { entries: [], limits: [], end: now };
  const buckets = new Map<string, Bucket>();
  for await (const { key, ...bucket } of storedBudgets(storage, budgetPlace(first.issuer).ca))
    buckets.set(key, bucket);
  const orders = wanted.map(({ names, profile, issuer }) => ({
    names: identifiers(names).map(({ value }) => value),
    profile,
    account: budgetPlace(issuer).account,
  }));
  const renewalShare = renewalShareOf(first.issuer);
  const result = plan(orders, { limits, registeredDomain, now, renewalShare, buckets });
  const toLimit = ({ limit, subject, taken, earliestEnd }: PlannedUse) => {
    const rule = limits.limits[limit];
    return {
      issuer: first.issuer.title,
      limit: rule ? limitText(limit, subject, rule) : limit,
      certificates: taken,
      earliestEnd: timeText(earliestEnd),
    };
  };
  return { entries: result.entries, end: result.end, limits: result.used.map(toLimit) };
}

function toPlanned(entry: PlanEntry, { names, issuer }: Wanted): PlannedCertificate {
  const shared = { names, issuer: issuer.title };
  if ('refusals' in entry) return { ...shared, result: 'refused', refusals: entry.refusals };
  const { at, waitsFor } = entry;
  const rule = waitsFor && limitsOf(issuer)?.limits[waitsFor.limit];
  const text = waitsFor && rule && limitText(waitsFor.limit, waitsFor.subject, rule);
  return { ...shared, result: 'planned', at: timeText(at), waitsFor: text };
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
    ({ names, issuer, result, at, waitsFor, refusals = [] }) => ({
      at: at ?? result,
      names:
        names.length > 3 ? `${names.slice(0, 3).join(' ')} … (${names.length})` : names.join(' '),
      issuer,
      remark: waitsFor ?? refusals.map(({ message }) => message).join('; '),
    }),
  );
  return { text: [table(rows), ...summary(document)].join('\n'), document, rows };
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
