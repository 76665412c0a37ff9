import { type Check, clockFindings, readCa, type SeenCa } from '@acmex/check';
import type { ChallengeSolver } from '@acmex/client';
import type { PassphraseSources } from '@acmex/deploy';
import type { Clock, DurationInput } from '@acmex/clock';
import { type CaaLookUp, lookUp, speaksIpv6 } from '@acmex/dns';
import { type AddressPolicy, addressPolicy } from '@acmex/egress';
import type { JsonObject } from '@acmex/orchestrator';
import type { Fetch } from '@acmex/protocol';
import { acquireLock, type Storage } from '@acmex/storage';
import { storedAccountUrl } from './account.ts';
import type { ChallengeConfig } from './challenge-config.ts';
import type { CheckOptions } from './checked-certificate.ts';
import type { DeployTargets } from './deploy-targets.ts';
import type { DnsProviders } from './dns-providers.ts';
import { ManagerError } from './errors.ts';
import type { Environment, RunHooks } from './hooks.ts';
import { findIssuerSettings, type IssuerSettings } from './issuers.ts';

/** What the checks use of a certificate manager. */
export interface CheckingSettings {
  readonly storage: Storage;
  readonly issuers: readonly IssuerSettings[];
  readonly challenge: ChallengeConfig;
  readonly dnsProviders: DnsProviders | undefined;
  readonly deployTargets: DeployTargets;
  readonly hooks: Pick<RunHooks, 'check' | 'isEmpty'>;
  readonly environment: Environment;
  readonly passphraseIn?: PassphraseSources['passphraseIn'];
  readonly renewBefore?: DurationInput | undefined;
  readonly clock: Clock;
  fetchFor(caCertificate: string | undefined): Fetch;
  solverOf(
    record: JsonObject | undefined,
    issuer: string,
    names: readonly string[],
  ): Promise<ChallengeSolver>;
}

/** An issuer of checked certificates: each is read once. */
export interface CheckedIssuer {
  readonly checks: readonly Check[];
  /** @throws ManagerError `ERR_MANAGER_ISSUER` */
  settings(): Promise<IssuerSettings>;
  /** Its directory; undefined where that cannot be read, which a check of its own reports. */
  seen(): Promise<SeenCa | undefined>;
  accountUrl(): Promise<string | undefined>;
  isPublic(): Promise<boolean>;
}

/** What the checks of one run share. */
export type CheckContext = ReturnType<typeof checkContext>;

const anyAddress: AddressPolicy = { refusal: () => undefined };

export function checkContext(settings: CheckingSettings, options: CheckOptions) {
  const issuers = new Map<string, CheckedIssuer>();
  const issuer = (name: string): CheckedIssuer => {
    const checked = issuers.get(name) ?? checkedIssuer(name, settings, options);
    issuers.set(name, checked);
    return checked;
  };
  const { network = {} } = options;
  const lookUps = new Map<string, CaaLookUp>();
  const reported = new Set<string>();
  return {
    /** Returns questions to resolvers; the CAA records of a name are looked up once. */
    lookUpAt: (servers: readonly string[] | undefined): CaaLookUp => {
      const key = servers?.join(' ') ?? '';
      const lookUpOf = lookUps.get(key) ?? sharedLookUp(servers, settings);
      lookUps.set(key, lookUpOf);
      return lookUpOf;
    },
    /** Whether this is asked for the first time: what many names share is checked once. */
    firstOf: (subject: string): boolean => {
      const isFirst = !reported.has(subject);
      reported.add(subject);
      return isFirst;
    },
    settings,
    options,
    network,
    ipv6: network.ipv6 ?? speaksIpv6(),
    storageCheck: storageCheck(settings),
    issuer,
    policyFor: async (name: string) =>
      (await issuer(name).isPublic()) ? (network.policy ?? addressPolicy()) : anyAddress,
  };
}

/** The names of a run often have the same parents, whose CAA records count for all of them. */
function sharedLookUp(
  servers: readonly string[] | undefined,
  { clock }: CheckingSettings,
): CaaLookUp {
  const questions = lookUp({ clock, ...(servers ? { servers } : {}) });
  const answers = new Map<string, ReturnType<CaaLookUp['caa']>>();
  return {
    ...questions,
    caa: async (name) => {
      const answer = answers.get(name) ?? questions.caa(name);
      answers.set(name, answer);
      return await answer;
    },
  };
}

/** Writes a lock, and removes it. */
function storageCheck({ storage, clock }: CheckingSettings): Check {
  return {
    kind: 'storage',
    subject: 'storage',
    run: async (signal) => {
      await (await acquireLock(storage, 'check', { signal, clock }))[Symbol.asyncDispose]();
      return { findings: [], saw: 'a record was written and removed' };
    },
  };
}

function checkedIssuer(
  name: string,
  { storage, issuers, fetchFor, clock }: CheckingSettings,
  { isPublicCa, signal }: CheckOptions,
): CheckedIssuer {
  const settings = once(async () => {
    const described = await findIssuerSettings(name, { issuers, storage });
    if (described) return described;
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `there is no issuer ${name}: add it to the options or the configuration`,
    );
  });
  const read = once(async () => {
    const { directory, caCertificate } = await settings();
    return await readCa(directory, { fetch: fetchFor(await caCertificate?.()), clock, signal });
  });
  const seen = async () => await read().catch(() => undefined);
  const check = (kind: Check['kind'], run: Check['run']): Check => ({ kind, subject: name, run });
  return {
    settings,
    seen,
    accountUrl: once(async () => await storedAccountUrl(await settings(), { storage, signal })),
    isPublic: async () => {
      const { directory, caCertificate } = await settings();
      return isPublicCa?.(directory) ?? caCertificate === undefined;
    },
    checks: [
      check('ca', async () => {
        await read();
        return { findings: [], saw: `read ${(await settings()).directory}` };
      }),
      check('clock', async () => {
        const { aheadSeconds } = (await seen()) ?? {};
        if (aheadSeconds === undefined) return { skipped: 'the CA has not said its time' };
        return {
          findings: clockFindings(aheadSeconds, { subject: 'clock' }),
          saw: `${Math.abs(aheadSeconds)} seconds from the clock of the CA`,
        };
      }),
    ],
  };
}

/** Does a work once, however often its result is asked for. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return async () => {
    running ??= work();
    return await running;
  };
}
