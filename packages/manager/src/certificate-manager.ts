import { type CryptoBackend, webcrypto } from '@acmex/certificate';
import type { ChallengeSolver, IssuanceProgress } from '@acmex/client';
import type { CheckResult } from '@acmex/check';
import { type Clock, type DurationInput, systemClock } from '@acmex/clock';
import type { DnsProvider } from '@acmex/dns';
import { errorText } from '@acmex/errors';
import {
  type Deployed,
  type Deployer,
  type Issuer,
  type IssuerRequest,
  type JsonObject,
  type ManagedCertificate,
  type OrderDnsRecord,
  type OrderStatus,
  Provisioner,
  type MaintenanceResult,
  CertificateMaintenance,
} from '@acmex/orchestrator';
import type { PassphraseSources } from '@acmex/deploy';
import type { Notifier } from '@acmex/notifications';
import type { AcmeExchange, AcmeSession, Fetch, RequestPace } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import type { Storage } from '@acmex/storage';
import { type AccountOptions, accountSession, keySession } from './account.ts';
import { type AcmeIssuer, acmeIssuer, type AcmeIssuerOptions } from './acme-issuer.ts';
import { type ChallengeConfig, resolveChallenge } from './challenge-config.ts';
import { awaitingIssuer, checkRecords, isSeen, type RecordCheck } from './awaited-records.ts';
import type { CheckedCertificate, CheckOptions } from './checked-certificate.ts';
import type { CheckingSettings } from './checking-context.ts';
import { type DeployTargets, noDeployTargets } from './deploy-targets.ts';
import { deployer } from './deployer.ts';
import { ManagerError } from './errors.ts';
import { type DnsProviders, watchedDnsProviders } from './dns-providers.ts';
import { type Environment, type RunHooks, runHooks } from './hooks.ts';
import { issuerBudget } from './issuer-budget.ts';
import { findIssuerSettings, type IssuerSettings } from './issuers.ts';
import { assertPreconditions } from './preconditions.ts';
import { endingRecords, keepSeenRecord } from './persistent-records.ts';
import { requestPaces } from './request-pace.ts';
import { revocationSource } from './revocation-source.ts';
import { savedCredentials } from './saved-credentials.ts';
import { solverFor } from './solver.ts';
import { storedResponses } from './stored-responses.ts';
import { type Trust, trustOf } from './trust.ts';

export interface CertificateManagerOptions {
  readonly storage: Storage;
  /** The CAs that certificates can name, beside those that `keepIssuer` wrote to the storage. */
  readonly issuers?: readonly IssuerSettings[] | undefined;
  /**
   * How names are validated where a certificate's record says nothing; http-01 on port 80 by
   * default.
   */
  readonly challenge?: ChallengeConfig | undefined;
  /**
   * Returns the solver of a challenge in place of the manager's, or undefined for the manager's: for
   * a program that answers challenges itself, such as one that serves the ports of the CA.
   */
  readonly solver?: ((challenge: ChallengeConfig) => ChallengeSolver | undefined) | undefined;
  /** Required for dns-01 and dns-account-01. */
  readonly dnsProviders?: DnsProviders | undefined;
  /**
   * How long before expiry a certificate is renewed at the latest; by default when the CA says (RFC
   * 9773), else when a third of the lifetime is left.
   */
  readonly renewBefore?: DurationInput | undefined;
  /**
   * When certificates without windows are renewed, such as `Sat 02:00-06:00 Europe/Berlin`: see
   * `parseWeeklyWindow` of `@acmex/clock`; at any time by default.
   */
  readonly maintenanceWindows?: readonly string[] | undefined;
  /**
   * Finds out regularly whether certificates are revoked, and renews those that are; off by default.
   */
  readonly revocation?: RevocationChecks | undefined;
  /**
   * Programs that run before, after and for each certificate. Pass the hooks of another manager
   * where both work in the same run.
   */
  readonly hooks?: RunHooks | undefined;
  /**
   * The environment that hooks see parts of; empty by default. An application passes `process.env`.
   */
  readonly environment?: Environment | undefined;
  /** Returns the passphrase in a file that a deploy step names; such a step fails without it. */
  readonly passphraseIn?: PassphraseSources['passphraseIn'];
  /** The deploy targets that certificates name; none by default. */
  readonly deployTargets?: DeployTargets | undefined;
  /** Returns a fetch that also trusts this root certificate, PEM; `nodeFetch` by default. */
  readonly fetch?: ((caCertificate: string | undefined) => Fetch) | undefined;
  /**
   * Where keys are created and used: WebCrypto by default; `signingBackend` of @acmex/crypto-exec for
   * keys in devices.
   */
  readonly crypto?: CryptoBackend | undefined;
  readonly userAgent?: string | undefined;
  /** Called with the URL of an account that was registered, or found at the CA. */
  readonly onRegistered?: ((account: string) => void) | undefined;
  readonly onProgress?: ((progress: IssuanceProgress) => void) | undefined;
  /** Called with each request to a CA that has ended, and the name of the issuer. */
  readonly onExchange?: ((exchange: AcmeExchange, issuer: string) => void) | undefined;
  /** Returns an issuer that is used instead of an issuer, for metrics and traces. */
  readonly watchIssuer?: (<I extends Issuer>(issuer: I) => I) | undefined;
  /** Returns a deployer that is used instead of the manager's, for traces. */
  readonly watchDeployer?: ((deployer: Deployer) => Deployer) | undefined;
  /** Returns a DNS provider that is used instead of a provider, for traces. */
  readonly watchDnsProvider?: ((provider: DnsProvider) => DnsProvider) | undefined;
  /**
   * Does the work of `maintain`. `traceparent`: of the order that is under way, or whose certificate
   * is to be deployed.
   */
  readonly watchTask?: WatchTask | undefined;
  /** Returns the trace of what is done at present, which orders without a trace continue. */
  readonly currentTrace?: (() => string | undefined) | undefined;
  /**
   * Called with failures beside the work itself, such as a failed `on_error` hook, and with
   * dns-persist-01 records that will not serve for the next renewals.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
  /**
   * How long a process may be silent before another process that shares the storage continues its
   * order or deployment; 10 seconds by default. The same for all of these processes.
   */
  readonly lease?: DurationInput | undefined;
  /** Sends events to receivers; no one by default. The worker runs it. */
  readonly notifier?: Notifier | undefined;
  readonly clock?: Clock | undefined;
}

/** What is done for a certificate, as something sees it that watches. */
type WatchTask = <T>(
  task: { readonly certificate: string; readonly traceparent: string | undefined },
  work: () => Promise<T>,
) => Promise<T>;

/** How the manager finds out whether certificates are revoked. */
export interface RevocationChecks {
  readonly every: DurationInput;
  /** Special address ranges that OCSP responders and lists may have; public addresses by default. */
  readonly allow?: readonly string[] | undefined;
}

/** A certificate that is about to be ordered. */
export interface ConnectOptions {
  /** The name of its issuer. */
  readonly issuer: string;
  /** By default those that the issuer is asked for later. */
  readonly names?: readonly string[] | undefined;
  /** The request that will be sent to the CA, where it exists already; DER. */
  readonly csr?: Uint8Array | undefined;
  /** Whether the request will ask for a certificate that is only valid with OCSP stapling. */
  readonly mustStaple?: boolean | undefined;
  /** How its names are validated, as `serializeChallenge` returns it. */
  readonly challenge?: JsonObject | undefined;
  /** Where it will be deployed, as `deployRecord` returns it. */
  readonly deploy?: readonly JsonObject[] | undefined;
  /**
   * Whether the hooks of the manager run with the order, as they do in `maintain`; true by default.
   */
  readonly runsHooks?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a client needs to order a certificate. */
export interface Connection {
  readonly solvers: readonly ChallengeSolver[];
  /**
   * Does work with the account. If the CA has lost the account, registers it again with the same key
   * and does the work again.
   */
  withSession<T>(work: (session: AcmeSession) => Promise<T>): Promise<T>;
}

/** Obtains, renews and deploys the certificates of a storage. */
export interface CertificateManager {
  readonly storage: Storage;
  /** How names are validated where a certificate's record says nothing. */
  readonly challenge: ChallengeConfig;
  readonly provisioner: Provisioner;
  readonly maintenance: CertificateMaintenance;
  readonly hooks: RunHooks;
  readonly crypto: CryptoBackend;
  readonly notifier: Notifier | undefined;
  /**
   * Checks what an order needs, then opens the solver and the account of a certificate, which its
   * order uses. What is wrong on this side fails here, before anything is stored or sent to the CA.
   * @throws ManagerError `ERR_MANAGER_ISSUER` for an unknown issuer, and as `solverFor`,
   * `assertPreconditions` and `accountSession`
   */
  connect(options: ConnectOptions): Promise<Connection>;
  /**
   * Checks what would make the orders of certificates fail, without an order: see `docs/check.md`.
   * Of a CA only the directory is read.
   * @throws the reason of the signal
   */
  check(
    certificates: readonly CheckedCertificate[],
    options?: CheckOptions,
  ): Promise<readonly CheckResult[]>;
  /**
   * Returns what is trusted for the certificates of an issuer: see `trustOf`. All accounts at the
   * same directory count. An unknown issuer adds nothing to the certificates of Node.js.
   * @throws ManagerError `ERR_MANAGER_ISSUER` for a file that cannot be read
   */
  trust(issuer: string): Promise<Trust>;
  /**
   * Does what is due for a certificate, as `CertificateMaintenance.maintain`, and runs the hooks of
   * a run.
   */
  maintain(
    id: string,
    options?: Parameters<CertificateMaintenance['maintain']>[1],
  ): Promise<MaintenanceResult>;
  /**
   * Looks up the DNS records that a person sets for an order, and notes what is seen. When all are
   * visible, the order is due now. An order that wants none has no checks.
   * @throws OrchestratorError `ERR_ORCHESTRATOR_NOT_FOUND`
   */
  checkRecords(
    order: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly order: OrderStatus; readonly checks: readonly RecordCheck[] }>;
  /** Ends a run, as `CertificateMaintenance.finish`, and runs its hooks. */
  finish(options?: { readonly signal?: AbortSignal | undefined }): Promise<readonly Deployed[]>;
}

type Settings = CertificateManagerOptions &
  Required<Pick<CertificateManager, 'challenge' | 'hooks' | 'crypto'>> & {
    readonly clock: Clock;
    readonly environment: Environment;
    readonly deployTargets: DeployTargets;
    readonly warn: (message: string) => void;
    /** The pace of the requests to the CA of an issuer, the same for all of its accounts. */
    readonly requestPaceOf: (issuer: IssuerSettings) => RequestPace | undefined;
  };

function settingsOf(options: CertificateManagerOptions): Settings {
  const { environment = {}, clock = systemClock } = options;
  return {
    ...options,
    challenge: options.challenge ?? { challenge: 'http-01' },
    hooks: options.hooks ?? runHooks({}, environment),
    crypto: options.crypto ?? webcrypto(),
    clock,
    requestPaceOf: requestPaces(clock),
    environment,
    deployTargets: options.deployTargets ?? noDeployTargets,
    warn: (message) => options.onWarning?.(message),
  };
}

/** Creates a manager of the certificates in a storage. */
export function certificateManager(options: CertificateManagerOptions): CertificateManager {
  const settings = settingsOf(options);
  const { storage, challenge, hooks, crypto } = settings;
  const solverOf = sharedSolvers(settings);
  const issuers = issuerSource(settings, solverOf);
  const { provisioner, maintenance } = orchestration(settings, issuers);
  return {
    storage,
    challenge,
    provisioner,
    maintenance,
    hooks,
    crypto,
    notifier: settings.notifier,
    connect: async (connecting) => await connectTo(connecting, { settings, solverOf, issuers }),
    async check(certificates, checkOptions = {}) {
      const { checkCertificates } = await import('./checking.ts');
      const checking = checkingSettings(settings, solverOf);
      return await checkCertificates(certificates, checkOptions, checking);
    },
    async trust(name) {
      const { issuers: configured = [] } = settings;
      const issuer = await findIssuerSettings(name, { issuers: configured, storage });
      const accounts = configured.filter(
        (account) => account !== issuer && account.directory === issuer?.directory,
      );
      return await trustOf(issuer ? [issuer, ...accounts] : []);
    },
    async maintain(id, maintainOptions = {}) {
      const result = await watchedTask(id, { settings, provisioner }, () =>
        maintenance.maintain(id, maintainOptions),
      );
      const certificate = await provisioner.certificates.find(id);
      if (certificate) await warnOfRecords(certificate, settings);
      const error = result.outcome?.state === 'failed' ? result.outcome.error : result.deployError;
      if (certificate && error !== undefined)
        await reportFailure(certificate, error, settings, maintainOptions);
      return result;
    },
    checkRecords: async (order, checkOptions) =>
      await checkOrderRecords(order, { challenge, provisioner, ...checkOptions }),
    async finish(finishOptions = {}) {
      const finished = await maintenance.finish(finishOptions);
      await warnOnFailure('the hook after', settings, () => hooks.after(finishOptions));
      for (const { certificate: id, deployed, deployError } of finished) {
        const certificate =
          deployed === 'failed' ? await provisioner.certificates.find(id) : undefined;
        if (certificate) await reportFailure(certificate, deployError, settings, finishOptions);
      }
      return finished;
    },
  };
}

function checkingSettings(settings: Settings, solverOf: SolverSource): CheckingSettings {
  const { issuers = [], dnsProviders, fetch = defaultFetch } = settings;
  return { ...settings, issuers, dnsProviders, fetchFor: fetch, solverOf };
}

async function checkOrderRecords(
  id: string,
  {
    challenge,
    provisioner,
    signal,
  }: Pick<CertificateManager, 'challenge' | 'provisioner'> & {
    readonly signal?: AbortSignal | undefined;
  },
): ReturnType<CertificateManager['checkRecords']> {
  const { certificate, records = [] } = await provisioner.status(id);
  const wanted = records.filter(({ state }) => state !== 'removable');
  const { proof } = (await provisioner.certificates.find(certificate)) ?? {};
  const checks = await checkRecords(wanted, resolveChallenge(proof, challenge), { signal });
  const isVisible = ({ name, value }: OrderDnsRecord) =>
    checks.some((check) => check.name === name && check.value === value && isSeen(check));
  return { order: await provisioner.noteRecords(id, isVisible), checks };
}

/** Does a task, as part of the trace of its order where something watches. */
async function watchedTask<T>(
  certificate: string,
  {
    settings: { watchTask },
    provisioner,
  }: { readonly settings: Settings; readonly provisioner: Provisioner },
  work: () => Promise<T>,
): Promise<T> {
  if (!watchTask) return await work();
  // A record that cannot be read fails the work itself, which reports it.
  const traceparent = await traceOf(certificate, provisioner).catch(() => undefined);
  return await watchTask({ certificate, traceparent }, work);
}

/** Returns the trace of the order that is under way, or whose certificate is to be deployed. */
async function traceOf(id: string, provisioner: Provisioner): Promise<string | undefined> {
  const { order, current, deployed } = (await provisioner.certificates.find(id)) ?? {};
  if (order !== undefined) return (await provisioner.status(order)).traceparent;
  return deployed === current?.generation ? undefined : current?.traceparent;
}

async function connectTo(
  { issuer: name, names, runsHooks = true, ...order }: ConnectOptions,
  {
    settings,
    solverOf,
    issuers,
  }: {
    readonly settings: Settings;
    readonly solverOf: SolverSource;
    readonly issuers: ReturnType<typeof issuerSource>;
  },
): Promise<Connection> {
  const { challenge: record, signal } = order;
  const { hooks, environment, passphraseIn, deployTargets, storage } = settings;
  const issuer = await issuers(name);
  const ca = await findIssuerSettings(name, { issuers: settings.issuers ?? [], storage });
  if (!issuer || !ca)
    throw new ManagerError(
      'ERR_MANAGER_ISSUER',
      `there is no issuer ${name}: add it to the options or the configuration`,
    );
  const solver = await solverOf(record, name, names);
  const runsBefore = runsHooks && hooks.hasBefore;
  if (names)
    await assertPreconditions(names, {
      ...order,
      solver,
      ca,
      runsBefore,
      environment,
      passphraseIn,
      deployTargets,
    });
  await issuer.openSession({ signal });
  return { solvers: [solver], withSession: (work) => issuer.withSession(work, { signal }) };
}

/** Returns what orders certificates and keeps them current. */
function orchestration(
  settings: Settings,
  issuers: (name: string) => Promise<AcmeIssuer | undefined>,
) {
  const { storage, crypto, clock, lease, renewBefore, revocation, warn, currentTrace } = settings;
  const { maintenanceWindows } = settings;
  const { watchDeployer = (watched: Deployer) => watched } = settings;
  const { deployTargets } = settings;
  const provisioner = new Provisioner({
    storage,
    issuers,
    crypto,
    clock,
    lease,
    renewBefore,
    maintenanceWindows,
    checkRevocationEvery: revocation?.every,
    currentTrace,
  });
  const maintenance = new CertificateMaintenance({
    storage,
    provisioner,
    deployer: watchDeployer(
      deployer({ ...settings, targets: deployTargets, certificates: provisioner.certificates }),
    ),
    revocation: revocation && revocationSource({ ...revocation, storage, clock, onWarning: warn }),
    clock,
  });
  return { provisioner, maintenance };
}

/** Returns issuers by name; each is created once. */
function issuerSource(
  settings: Settings,
  solverOf: SolverSource,
): (name: string) => Promise<AcmeIssuer | undefined> {
  const { issuers = [], storage } = settings;
  const created = new Map<string, AcmeIssuer>();
  return async (name) => {
    const existing = created.get(name);
    if (existing) return existing;
    const issuerSettings = await findIssuerSettings(name, { issuers, storage });
    if (!issuerSettings) return undefined;
    const budget = await issuerBudget(issuerSettings);
    // Another caller may have created it in the meantime.
    const issuer =
      created.get(name) ?? createIssuer(issuerSettings, { settings, solverOf, budget });
    created.set(name, issuer);
    return issuer;
  };
}

/** @param names the names that will be validated, where they are known */
type SolverSource = (
  record: JsonObject | undefined,
  issuer: string,
  names?: readonly string[],
) => Promise<ChallengeSolver>;

/**
 * Creates one solver for each set of challenge settings, so that certificates at work at the same
 * time share its listener.
 */
function sharedSolvers({
  storage,
  challenge,
  dnsProviders: providers,
  watchDnsProvider,
  solver: replacedSolver,
}: Settings): SolverSource {
  const dnsProviders = watchDnsProvider
    ? watchedDnsProviders(providers, watchDnsProvider)
    : providers;
  const solvers = new Map<string, Promise<ChallengeSolver>>();
  return async (record, issuer, names) => {
    const credentials = await savedCredentials(storage);
    const config = resolveChallenge(record, challenge);
    // A dns-persist-01 record belongs to one CA; everything else is shared.
    const persistent = config.challenge === 'dns-persist-01';
    const key = JSON.stringify([record, credentials, persistent ? issuer : '']);
    const replaced = replacedSolver?.(config);
    if (replaced) return replaced;
    const solver =
      solvers.get(key) ??
      solverFor(config, {
        dnsProviders,
        credentials,
        names,
        shared: (type) => storedResponses(storage, type),
        onRecord: (seen) => keepSeenRecord(storage, issuer, seen),
      });
    solvers.set(key, solver);
    // A wrong setting may be correct the next time.
    solver.catch(() => solvers.delete(key));
    return await solver;
  };
}

/** Returns a record of challenge settings with this type: the same one where it has the type. */
function withChallenge(
  record: JsonObject | undefined,
  type: string,
  defaults: ChallengeConfig,
): JsonObject | undefined {
  if (resolveChallenge(record, defaults).challenge === type) return record;
  return { ...record, challenge: type };
}

function createIssuer(
  issuerSettings: IssuerSettings,
  {
    settings,
    solverOf,
    budget,
  }: {
    readonly settings: Settings;
    readonly solverOf: SolverSource;
    readonly budget: Issuer['budget'];
  },
): AcmeIssuer {
  const { name, preferredChain, profile } = issuerSettings;
  const { hooks, crypto, onProgress, passphraseIn, environment, watchIssuer } = settings;
  const { deployTargets } = settings;
  const assertReady = async (
    { names, csr, proof, deploy, isRenewal }: IssuerRequest,
    signal: AbortSignal | undefined,
  ) => {
    const solver = await solverOf(proof, name, names);
    await assertPreconditions(names, {
      solver,
      ca: issuerSettings,
      csr,
      deploy,
      isRenewal,
      environment,
      passphraseIn,
      deployTargets,
      signal,
    });
  };
  const issuer = acmeIssuer({
    name,
    onProgress,
    crypto,
    solvers: async (record) => [await solverOf(record, name)],
    formerSolver: async (record, type) =>
      await solverOf(withChallenge(record, type, settings.challenge), name),
    ...sessionsOf(issuerSettings, settings),
  });
  const ready: AcmeIssuer = {
    ...issuer,
    budget,
    async issue(request, options) {
      await hooks.before({ signal: options.signal });
      // What is ordered already is finished, or its failure is the CA's.
      if (options.state?.order === undefined) await assertReady(request, options.signal);
      const defaults = {
        profile: request.profile ?? profile,
        preferredChain: request.preferredChain ?? preferredChain,
      };
      return await issuer.issue({ ...request, ...defaults }, options);
    },
  };
  const awaiting = awaitingIssuer(ready, settings);
  return watchIssuer ? watchIssuer(awaiting) : awaiting;
}

/** Returns what opens the account of an issuer, and sessions without it. */
function sessionsOf(
  issuer: IssuerSettings,
  settings: Settings,
): Required<Pick<AcmeIssuerOptions, 'session' | 'keySession'>> {
  return {
    session: async (options) =>
      await accountSession(issuer, { ...(await accountOptions(issuer, settings)), ...options }),
    keySession: async (key) => keySession(issuer, key, await accountOptions(issuer, settings)),
  };
}

async function accountOptions(
  issuer: IssuerSettings,
  { storage, userAgent, clock, crypto, onRegistered, onExchange, ...settings }: Settings,
): Promise<AccountOptions> {
  const { fetch = defaultFetch, warn, requestPaceOf } = settings;
  return {
    storage,
    fetch: fetch(await issuer.caCertificate?.()),
    userAgent,
    clock,
    onWarning: warn,
    onRegistered,
    onExchange: onExchange && ((exchange) => onExchange(exchange, issuer.name)),
    requestPace: requestPaceOf(issuer),
    crypto,
    key: issuer.accountKey,
  };
}

function defaultFetch(caCertificate: string | undefined): Fetch {
  return nodeFetch({ ca: caCertificate });
}

async function warnOfRecords(
  certificate: ManagedCertificate,
  { storage, challenge, clock, warn }: Settings,
): Promise<void> {
  const records = await endingRecords(certificate, { storage, challenge, now: clock.now() });
  for (const { message } of records) warn(`${certificate.id}: ${message}`);
}

async function reportFailure(
  certificate: ManagedCertificate,
  error: unknown,
  settings: Settings,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<void> {
  await warnOnFailure(`the hook on_error of ${certificate.id}`, settings, () =>
    settings.hooks.onError(certificate, error, options),
  );
}

async function warnOnFailure(
  subject: string,
  { warn }: Settings,
  work: () => Promise<void>,
): Promise<void> {
  await work().catch((error: unknown) => {
    warn(`${subject}: ${errorText(error)}`);
  });
}
