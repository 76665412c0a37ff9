import { errorCode, errorText, printable } from '@acmex/errors';
import type { ClientDeployStep, Omission } from '@acmex/import';
import type { DeclaredIssuer } from '@acmex/manager';
import { type Result, type Row, table } from '../output.ts';
import type { ImportedChallenge } from './challenge.ts';
import type { ImportAccount, ImportCertificate, SourceName } from './contents.ts';
import type { LinksOutcome } from './take-over.ts';
import type { ImportOptions } from './options.ts';

/** A setting that was taken over, in words without a secret. */
export interface TakenSetting {
  readonly setting: string;
  readonly value: string;
}

/** What became of an account. */
export interface AccountOutcome {
  readonly name: string;
  readonly result: 'added' | 'unchanged' | 'failed';
  readonly directory?: string | undefined;
  readonly account?: string | undefined;
  readonly error?: unknown;
}

/** What became of a certificate. `kept`: a managed certificate stays, for the reason. */
export interface CertificateOutcome {
  readonly name: string;
  readonly names: readonly string[];
  readonly result: 'added' | 'replaced' | 'unchanged' | 'kept' | 'failed';
  readonly reason?: string | undefined;
  readonly id?: string | undefined;
  readonly notAfter?: string | undefined;
  readonly taken: readonly TakenSetting[];
  readonly omitted: readonly Omission[];
  readonly error?: unknown;
}

/** Returns what was taken over of a certificate. */
export function takenSettings(
  { keyType, reuseKey, mustStaple, preferredChain, deploy, ...certificate }: ImportCertificate,
  {
    issuer,
    account,
    challenge: { challenge, credentials },
  }: {
    readonly issuer: DeclaredIssuer;
    readonly account: ImportAccount | undefined;
    readonly challenge: ImportedChallenge;
  },
): readonly TakenSetting[] {
  const { renewBeforeDays: days } = certificate;
  const names = Object.keys(credentials);
  const settings: readonly (readonly [string, string | undefined])[] = [
    ['certificate', `until ${certificate.notAfter}, with its chain and key`],
    ['CA', issuer.directory],
    ['account', account && (account.url ?? account.id)],
    ['key type', keyType],
    ['key', reuseKey ? 'the same at each renewal' : undefined],
    ['Must-Staple', mustStaple ? 'yes' : undefined],
    ['preferred chain', preferredChain],
    ['renew before', days === undefined ? undefined : `${days} days`],
    ['challenge', challengeText(challenge)],
    ['credentials', names.length > 0 ? names.join(', ') : undefined],
    ...recordSettings(certificate.record),
    ...deploy.map((step): readonly [string, string] => ['deploy', stepText(step)]),
  ];
  return settings.flatMap(([setting, value]) => (value === undefined ? [] : [{ setting, value }]));
}

function recordSettings(
  record: ImportCertificate['record'],
): readonly (readonly [string, string | undefined])[] {
  if (!record) return [];
  const { paused, spec } = record;
  const labels = Object.entries(spec.labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return [
    ['paused', paused ? 'yes' : undefined],
    ['profile', spec.profile],
    ['labels', labels.length > 0 ? labels.join(', ') : undefined],
    ['deploy', spec.deploy?.length ? `${spec.deploy.length} steps` : undefined],
    ['served at', spec.servedAt?.length ? `${spec.servedAt.length} servers` : undefined],
  ];
}

function challengeText({
  challenge,
  webroot,
  httpPort,
  dnsProvider,
}: ImportedChallenge['challenge']): string | undefined {
  if (challenge === undefined) return undefined;
  return [
    challenge,
    webroot && `webroot ${webroot}`,
    httpPort && `port ${httpPort}`,
    dnsProvider && `DNS provider ${dnsProvider}`,
  ]
    .filter((text) => text !== undefined)
    .join(', ');
}

function stepText(step: ClientDeployStep): string {
  if ('hook' in step) return `run ${step.hook.join(' ')}`;
  if ('after' in step) return `run ${step.after.join(' ')} once after a run`;
  return Object.values(step)
    .filter((path) => path !== undefined)
    .join(', ');
}

/** Returns what to report of a failure; undefined where there is none. */
export function failureText({
  name,
  result,
  error,
}: Pick<AccountOutcome | CertificateOutcome, 'name' | 'result' | 'error'>): string | undefined {
  if (result !== 'failed') return undefined;
  return `${printable(name, 255)}: ${printable(errorText(error), 2000)} [${errorCode(error)}]`;
}

/** Returns the result of the command. The texts of the client are data: they are escaped. */
export function importResult({
  client,
  directory,
  options: { dryRun = false },
  accounts,
  certificates,
}: {
  readonly client: SourceName;
  readonly directory: string;
  readonly options: ImportOptions;
  readonly accounts: readonly AccountOutcome[];
  readonly certificates: readonly CertificateOutcome[];
}): Result {
  const rows = [
    ...accounts.map((account) => rowOf('account', account, account.account)),
    ...certificates.map((certificate) => rowOf('certificate', certificate, certificate.id)),
  ];
  return {
    text: [
      table(rows),
      ...certificates.flatMap(detailLines),
      ...(dryRun ? ['', 'nothing was changed: --dry-run'] : []),
    ].join('\n'),
    document: {
      client,
      directory,
      dryRun,
      accounts: accounts.map(withErrorDocument),
      certificates: certificates.map(({ omitted, ...certificate }) => ({
        ...withErrorDocument(certificate),
        notTaken: omitted,
      })),
    },
    rows,
  };
}

/** Returns the result of giving links back. */
export function linksResult(outcomes: readonly LinksOutcome[], dryRun: boolean): Result {
  const rows = outcomes.map(({ name, result, error }) => ({
    kind: 'links',
    name: printable(name, 255),
    result,
    error: errorCode(error),
  }));
  const lines = dryRun ? [table(rows), 'nothing was changed: --dry-run'] : [table(rows)];
  return {
    text: lines.join('\n'),
    document: { dryRun, links: outcomes.map(withErrorDocument) },
    rows,
  };
}

function rowOf(
  kind: 'account' | 'certificate',
  { name, result, error }: AccountOutcome | CertificateOutcome,
  id: string | undefined,
): Row {
  return {
    kind,
    name: printable(name, 255),
    result,
    id: id && printable(id, 300),
    error: errorCode(error),
  };
}

function detailLines({
  name,
  result,
  reason,
  taken,
  omitted,
}: CertificateOutcome): readonly string[] {
  if (reason === undefined && taken.length + omitted.length === 0) return [];
  const line = (mark: string, setting: string, text: string) =>
    `  ${mark} ${printable(setting, 100)}: ${printable(text, 1000)}`;
  return [
    '',
    `${printable(name, 255)}: ${result}${reason === undefined ? '' : `, ${printable(reason, 500)}`}`,
    ...taken.map(({ setting, value }) => line('+', setting, value)),
    ...omitted.map((omission) => line('-', omission.setting, omission.reason)),
  ];
}

function withErrorDocument<T extends { readonly error?: unknown }>({ error, ...outcome }: T) {
  if (error === undefined) return outcome;
  return { ...outcome, error: { code: errorCode(error), message: errorText(error) } };
}
