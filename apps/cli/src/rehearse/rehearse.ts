import { registeredDomain } from '@acmex/budgets/registered-domain';
import { systemClock } from '@acmex/clock';
import { type Config, issuersNamed, issuersOf } from '@acmex/config';
import { limitsOf, renewalShareOf } from '@acmex/manager';
import { resolvedIssuer } from '@acmex/manager/from-config';
import {
  announcedModel,
  type CaModel,
  chart,
  type Incident,
  rehearse,
  type Rehearsal,
  type RehearsedCertificate,
} from '@acmex/rehearsal';
import { CliError } from '../errors.ts';
import { withManager } from '../managed/with-manager.ts';
import { type ConfiguredOutputOptions, formatResult, type Result } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import { madeUpFleet } from './made-up-fleet.ts';
import { rehearsalText } from './rehearsal-text.ts';

export interface RehearseCommandOptions extends ConfiguredOutputOptions {
  /** Milliseconds since 1970-01-01T00:00:00Z; now by default. */
  readonly from: number | undefined;
  readonly until: number | undefined;
  readonly away: readonly Incident[] | undefined;
  readonly revoke: readonly Incident[] | undefined;
  /** How many certificates are made up, in place of those in the storage. */
  readonly certificates: number | undefined;
  /** A file for the chart. */
  readonly chart: string | undefined;
}

const dayMs = 86_400_000;
/** In exit codes: a difference was found. */
const expiring = 10;

/**
 * `acmex rehearse`: shows what happens to the certificates over the next years. No request is sent,
 * and nothing is changed.
 * @returns 10 where a certificate would expire or be revoked in use
 */
export async function rehearseCertificates(
  options: RehearseCommandOptions,
  terminal: Terminal,
): Promise<number> {
  assertIssuers(options);
  const { certificates: count, from = systemClock.now().epochMilliseconds } = options;
  if (options.until !== undefined && options.until <= from)
    throw new CliError('ERR_CLI_USAGE', '--until is not after the first day: write a later one');
  let rehearsal: Rehearsal | undefined;
  const show = async (certificates: readonly RehearsedCertificate[]): Promise<Result> => {
    rehearsal = rehearsed(certificates, { ...options, from });
    const content = { rehearsal, changes: announcedChanges(options.configuration, rehearsal) };
    if (options.chart !== undefined) {
      await using file = await waitingFile(options.chart, 0o644);
      await file.commit(chart(rehearsal));
    }
    const { days, ...document } = rehearsal;
    return {
      text: rehearsalText(content),
      document: { ...document, changes: content.changes, days },
      rows: days.map((day) => ({ ...day })),
    };
  };
  if (count === undefined)
    await withManager(options, terminal, async ({ provisioner }) => {
      const all: RehearsedCertificate[] = [];
      for await (const certificate of provisioner.certificates.list({ signal: terminal.signal }))
        all.push(certificate);
      return await show(all);
    });
  else {
    const [first, ...further] = issuersNamed(options.configuration, undefined);
    const fallbackIssuers = further.map(({ name }) => name);
    const fleet = madeUpFleet(count, { issuer: first.name, fallbackIssuers, now: from });
    terminal.stdout.write(formatResult(await show(fleet), options.output));
  }
  return (rehearsal?.outages.length ?? 0) > 0 ? expiring : 0;
}

type Beginning = RehearseCommandOptions & { readonly from: number };

function rehearsed(
  certificates: readonly RehearsedCertificate[],
  { configuration, from, until, away = [], revoke = [] }: Beginning,
): Rehearsal {
  const {
    renew_before_days: days,
    maintenance_windows: maintenanceWindows,
    revocation,
    concurrency,
    per_issuer: perIssuer,
  } = configuration.values.renewal;
  return rehearse({
    certificates,
    models: modelsOf(configuration),
    incidents: [...away, ...revoke],
    from,
    until: until ?? from + 2 * 365 * dayMs,
    renewBefore: days === undefined ? undefined : { days },
    maintenanceWindows,
    checkRevocationEvery: revocation.check ? { hours: revocation.interval_hours } : undefined,
    ordersAtOnce: perIssuer ?? concurrency,
    registeredDomain,
  });
}

function modelsOf(configuration: Config): ReadonlyMap<string, CaModel> {
  return new Map(
    issuersOf(configuration).map((description) => {
      const { name, directory, staging, title } = description;
      const isPublic = !staging && title !== new URL(directory).host;
      const issuer = resolvedIssuer(description);
      const settings = { limits: limitsOf(issuer), renewalShare: renewalShareOf(issuer) };
      return [name, { ...announcedModel(directory, { isPublic }), ...settings }];
    }),
  );
}

/** @throws CliError `ERR_CLI_USAGE` for an incident of an issuer that is not configured */
function assertIssuers({ configuration, away = [], revoke = [] }: RehearseCommandOptions): void {
  const names = issuersOf(configuration).map(({ name }) => name);
  const wrong = [...away, ...revoke].find(({ issuer }) => !names.includes(issuer));
  if (wrong)
    throw new CliError(
      'ERR_CLI_USAGE',
      `the issuer ${wrong.issuer} is not configured: choose among ${names.join(', ')}`,
    );
}

/** The changes of lifetimes that are announced for the issuers, within the rehearsal. */
function announcedChanges(configuration: Config, { from, until }: Rehearsal) {
  return [...modelsOf(configuration)]
    .flatMap(([issuer, { lifetimes, longest = [] }]) =>
      (lifetimes.length > 0 ? lifetimes : longest).flatMap(({ from: at, profile, lifetimeMs }) =>
        at === undefined ? [] : [{ at, issuer, profile, lifetimeDays: lifetimeMs / dayMs }],
      ),
    )
    .filter(({ at }) => Date.parse(at) > Date.parse(from) && Date.parse(at) < Date.parse(until))
    .sort((first, second) => Date.parse(first.at) - Date.parse(second.at));
}
