import type { KeyType } from '@acmex/certificate';
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
import { reporter, type Terminal } from '../terminal.ts';
import { exitCodeOfResults, resultOf } from './result.ts';

export interface CheckOptions extends ConfiguredOutputOptions, AuthorityOptions {
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
  const authority = await chooseAuthority(options, options.configuration, terminal.env);
  const issuer = authoritySettings(authority);
  const report = await reporter(terminal, options);
  try {
    await using storage = await openStorage(options, terminal, report);
    const { configuration } = options;
    const manager = await commandManager({
      ...{ storage, configuration, terminal, report },
      issuers: [issuer],
    });
    const certificates = await certificatesOf(names, { manager, options, issuer });
    report.working(`checking ${certificates.length} certificates`);
    const results = await manager.check(certificates, {
      writesRecords: options.write,
      totalLimit: { seconds: options.timeout },
      concurrency: options.concurrency,
      signal: terminal.signal,
    });
    report.close();
    terminal.stdout.write(formatResult(resultOf(results), options.output));
    return exitCodeOfResults(results);
  } finally {
    report.close();
  }
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
