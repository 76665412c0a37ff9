import type { KeyType } from '@acmex/certificate';
import type { CheckResult } from '@acmex/check';
import {
  type ChallengeConfig,
  type CheckedCertificate,
  type IssuerSettings,
  serializeChallenge,
} from '@acmex/manager';
import { type ConfiguredManager, declaredSpecs } from '@acmex/manager/from-config';
import type { ManagedCertificate } from '@acmex/orchestrator';
import {
  type AuthorityOptions,
  authoritySettings,
  chooseAuthority,
} from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import { commandManager } from '../managed/manager.ts';
import { openStorage } from '../open-storage.ts';
import { type ConfiguredOutputOptions, formatResult } from '../output.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { exitCodeOfResults, resultOf } from './result.ts';
import { type ServiceChecks, serviceChecks } from './service-checks.ts';
import type { ServiceOptions } from './service-user.ts';

export interface CheckOptions extends ConfiguredOutputOptions, AuthorityOptions, ServiceOptions {
  readonly all?: boolean | undefined;
  readonly challenge?: ChallengeConfig['challenge'] | undefined;
  readonly webroot?: string | undefined;
  readonly dnsProvider?: string | undefined;
  readonly dnsResolver?: readonly string[] | undefined;
  readonly profile?: string | undefined;
  readonly keyType?: KeyType | undefined;
  readonly write?: boolean | undefined;
  /** Seconds. */
  readonly timeout: number;
  readonly concurrency: number;
}

/**
 * `acmex check`: finds what would make orders fail, without an order.
 * @param names or ids; every certificate without names
 * @returns the exit code: see `exitCodeOfResults`
 */
export async function check(
  names: readonly string[],
  options: CheckOptions,
  terminal: Terminal,
): Promise<number> {
  if (names.length > 0 && options.all)
    throw new CliError('ERR_CLI_USAGE', 'use either names or --all, which is every certificate');
  const report = await reporter(terminal, options);
  const service = await serviceChecks(options, terminal);
  const write = (results: readonly CheckResult[]) => {
    report.close();
    terminal.stdout.write(formatResult(resultOf(results), options.output));
    return exitCodeOfResults(results);
  };
  try {
    return write(await resultsFor(names, { options, terminal, report, service }));
  } catch (error) {
    terminal.signal.throwIfAborted();
    // Without its storage no certificate is known, and the checks of its files say more.
    const results = (await service?.results(terminal.signal)) ?? [];
    if (exitCodeOfResults(results) === 0) throw error;
    return write(results);
  } finally {
    report.close();
  }
}

interface Run {
  readonly options: CheckOptions;
  readonly terminal: Terminal;
  readonly report: Reporter;
  readonly service: ServiceChecks | undefined;
}

async function resultsFor(
  names: readonly string[],
  { options, terminal, report, service }: Run,
): Promise<readonly CheckResult[]> {
  const { configuration } = options;
  const issuer = authoritySettings(await chooseAuthority(options, configuration, terminal.env));
  await using storage = await openStorage(options, terminal, report);
  const manager = await commandManager({
    ...{ storage, configuration, terminal, report },
    issuers: [issuer],
  });
  const certificates = await certificatesOf(names, { manager, options, issuer });
  report.working(`checking ${certificates.length} certificates`);
  return await manager.check(certificates, {
    writesRecords: options.write,
    further: service?.checks,
    findingsOfPath: service?.findingsOfPath,
    totalLimit: { seconds: options.timeout },
    concurrency: options.concurrency,
    signal: terminal.signal,
  });
}

interface Selection {
  readonly manager: ConfiguredManager;
  readonly options: CheckOptions;
  /** For names that are not managed. */
  readonly issuer: IssuerSettings;
}

/**
 * Returns the managed certificates with these names or ids, and a certificate for the names that
 * are not managed; without names, all that are managed or in the configuration.
 */
async function certificatesOf(
  names: readonly string[],
  { manager, options, issuer }: Selection,
): Promise<readonly CheckedCertificate[]> {
  const { certificates } = manager.provisioner;
  if (names.length === 0) return await allCertificates(manager);
  const managed = new Map<string, CheckedCertificate>();
  const unmanaged: string[] = [];
  for (const name of names) {
    let isManaged = false;
    const candidates = name.startsWith('crt_')
      ? [await certificates.get(name)]
      : certificates.byName(name);
    for await (const certificate of candidates) {
      managed.set(certificate.id, checkedOf(certificate));
      isManaged = true;
    }
    if (!isManaged) unmanaged.push(name);
  }
  const planned = unmanaged.length === 0 ? [] : [plannedCertificate(unmanaged, options, issuer)];
  return [...managed.values(), ...planned];
}

async function allCertificates(manager: ConfiguredManager): Promise<readonly CheckedCertificate[]> {
  const checked: CheckedCertificate[] = [];
  for await (const certificate of manager.provisioner.certificates.list())
    checked.push(checkedOf(certificate));
  const managed = new Set(checked.map(setOf));
  const declared = declaredSpecs(manager.config).filter((spec) => !managed.has(setOf(spec)));
  if (checked.length + declared.length > 0) return [...checked, ...declared];
  throw new CliError(
    'ERR_CLI_USAGE',
    'there is no managed certificate, and none in the configuration: name what to check, as acmex check www.example.com',
  );
}

function setOf({ names }: Pick<CheckedCertificate, 'names'>): string {
  return [...new Set(names.map((name) => name.toLowerCase()))].sort().join(' ');
}

function checkedOf(certificate: ManagedCertificate): CheckedCertificate {
  const { current } = certificate;
  return {
    ...certificate,
    current: current && { notBefore: current.notBefore, notAfter: current.notAfter },
  };
}

function plannedCertificate(
  names: readonly string[],
  { profile, keyType, ...options }: CheckOptions,
  issuer: IssuerSettings,
): CheckedCertificate {
  const { challenge, webroot, dnsProvider, dnsResolver } = options;
  const chosen = { challenge, webroot, dnsProvider, dnsResolver };
  return {
    names,
    issuer: issuer.name,
    profile,
    keyType,
    proof: serializeChallenge(
      Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined)),
    ),
  };
}
