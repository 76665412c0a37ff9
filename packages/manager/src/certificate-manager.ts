import { readFile } from 'node:fs/promises';
import type { IssuanceProgress, ChallengeSolver } from '@acmex/client';
import { parseChain } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import {
  type Deployed,
  type Issuer,
  type JsonObject,
  Provisioner,
  type Tended,
  Upkeep,
} from '@acmex/orchestrator';
import type { AcmeSession, Fetch } from '@acmex/protocol';
import type { Storage } from '@acmex/storage';
import {
  ConfigError,
  type IssuerDescription,
  issuersOf,
  type Config,
  type Environment,
} from '@acmex/config';
import { errorText } from '@acmex/errors';
import { type AccountDescription, accountSession } from './account.ts';
import { acmeIssuer } from './acme-issuer.ts';
import { deployer } from './deployer.ts';
import { type RunHooks, runHooks } from './hooks.ts';
import { findIssuer, type IssuerRecord } from './issuer-record.ts';
import { endingRecords, keepSeenRecord } from './persistent-records.ts';
import { resolveChallenge, solverFor } from './challenge-config.ts';
import { savedCredentials } from './saved-credentials.ts';
import { storedResponses } from './stored-responses.ts';

export interface CertificateManagerOptions {
  readonly storage: Storage;
  readonly config: Config;
  /** An application gives `process.env`. */
  readonly environment: Environment;
  /** A fetch that trusts this root certificate too, PEM, where there is one. */
  readonly fetch: (caCertificate: string | undefined) => Fetch;
  readonly userAgent?: string | undefined;
  readonly onProgress?: ((progress: IssuanceProgress) => void) | undefined;
  /** Is told of what failed beside the work itself, as a hook of `on_error`, and of records of dns-persist-01 that will not serve for the next renewals. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** In place of the account that is kept. */
  readonly session?: { readonly issuer: string; readonly session: AcmeSession } | undefined;
  /** Those of another keeper, where both work in the same run. */
  readonly hooks?: RunHooks | undefined;
  readonly clock?: Clock | undefined;
}

/** What keeps certificates current by a configuration and a storage. */
export interface CertificateManager {
  readonly storage: Storage;
  readonly config: Config;
  readonly provisioner: Provisioner;
  readonly upkeep: Upkeep;
  readonly hooks: RunHooks;
  /** As `Upkeep.tend`, with the hooks of a run. */
  tend(id: string, options?: Parameters<Upkeep['tend']>[1]): Promise<Tended>;
  /** Ends a run, as `Upkeep.finish`, with its hooks. */
  finish(options?: { readonly signal?: AbortSignal | undefined }): Promise<readonly Deployed[]>;
}

/** Joins what a configuration describes. Certificates name issuers of the configuration, or those that `keepIssuer` has written. */
export function certificateManager({
  storage,
  config,
  environment,
  fetch,
  userAgent,
  onProgress,
  onWarning = () => {
    /* nobody reads them */
  },
  session,
  clock = systemClock,
  hooks = runHooks(config.values.renewal.hooks, environment),
}: CertificateManagerOptions): CertificateManager {
  // One solver for one way to prove names: those at work at the same time share its listener.
  const solvers = new Map<string, Promise<ChallengeSolver>>();
  const solverOf = async (record: JsonObject | undefined, issuer: string) => {
    const credentials = await savedCredentials(storage);
    const proof = resolveChallenge(record, config);
    // A record of dns-persist-01 is for one CA; all else is shared.
    const way = JSON.stringify([
      record,
      credentials,
      proof.challenge === 'dns-persist-01' ? issuer : '',
    ]);
    const solver =
      solvers.get(way) ??
      solverFor(proof, {
        config,
        environment: { ...credentials, ...environment },
        shared: (type) => storedResponses(storage, type),
        onRecord: (seen) => keepSeenRecord(storage, issuer, seen),
      });
    solvers.set(way, solver);
    return [await solver];
  };
  const issuerOf = ({
    caCertificate,
    preferredChain,
    profile,
    ...found
  }: IssuerSettings): Issuer => {
    const issuer = acmeIssuer({
      name: found.name,
      onProgress,
      solvers: (record) => solverOf(record, found.name),
      session: async ({ signal }) =>
        session?.issuer === found.name
          ? session.session
          : await accountSession(found, {
              storage,
              fetch: fetch(await caCertificate?.()),
              userAgent,
              signal,
              clock,
            }),
      prefer: (record) => {
        const wanted = resolveChallenge(record, config).preferredChain ?? preferredChain;
        return wanted === undefined ? undefined : endsIn(wanted);
      },
    });
    return {
      ...issuer,
      async issue(request, options) {
        await hooks.before({ signal: options.signal });
        return await issuer.issue({ ...request, profile: request.profile ?? profile }, options);
      },
    };
  };
  const known = new Map<string, Issuer>();
  const issuers = async (name: string) => {
    const found = known.has(name)
      ? undefined
      : (issuersOf(config)
          .map(resolvedIssuer)
          .find((one) => one.name === name) ??
        recordedIssuer(name, await findIssuer(storage, name)));
    if (found) known.set(name, issuerOf(found));
    return known.get(name);
  };
  const { renew_before_days: days } = config.values.renewal;
  const provisioner = new Provisioner({
    storage,
    issuers,
    clock,
    ...(days === undefined ? {} : { renewBefore: `P${days}D` }),
  });
  const upkeep = new Upkeep({
    storage,
    provisioner,
    deployer: deployer({ environment, hooks }),
    clock,
  });
  const attempt = async (what: string, work: () => Promise<void>) => {
    await work().catch((error: unknown) => {
      onWarning(`${what}: ${errorText(error)}`);
    });
  };
  const warnOfRecords = async (id: string) => {
    const certificate = await provisioner.certificates.find(id);
    const ending = certificate
      ? await endingRecords(certificate, { storage, config, now: clock.now() })
      : [];
    for (const { message } of ending) onWarning(`${id}: ${message}`);
  };
  return {
    storage,
    config,
    provisioner,
    upkeep,
    hooks,
    async tend(id, options = {}) {
      const tended = await upkeep.tend(id, options);
      await warnOfRecords(id);
      const error = tended.outcome?.state === 'failed' ? tended.outcome.error : tended.deployError;
      const certificate = error === undefined ? undefined : await provisioner.certificates.find(id);
      if (certificate)
        await attempt(`the hook on_error of ${id}`, () =>
          hooks.onError(certificate, error, options),
        );
      return tended;
    },
    async finish(options = {}) {
      const finished = await upkeep.finish(options);
      await attempt('the hook after', () => hooks.after(options));
      for (const { certificate: id, deployed, deployError } of finished) {
        const certificate =
          deployed === 'failed' ? await provisioner.certificates.find(id) : undefined;
        if (certificate)
          await attempt(`the hook on_error of ${id}`, () =>
            hooks.onError(certificate, deployError, options),
          );
      }
      return finished;
    },
  };
}

interface IssuerSettings extends AccountDescription {
  readonly name: string;
  readonly caCertificate?: (() => Promise<string>) | undefined;
  readonly preferredChain?: string | undefined;
  readonly profile?: string | undefined;
}

/** An issuer of the configuration as what opens its account wants it. */
export function resolvedIssuer({
  name,
  directory,
  title,
  own,
  contact,
  tos_agreed: agreed,
  external_account_binding: binding,
  ca_certificate: file,
  preferred_chain: preferredChain,
  profile,
}: IssuerDescription): IssuerSettings {
  const externalAccount =
    binding && (async () => ({ kid: binding.key_id, hmacKey: await binding.hmac_key.reveal() }));
  return {
    name,
    directory,
    title,
    own,
    contact,
    agreed,
    externalAccount,
    preferredChain,
    profile,
    ...(file === undefined ? {} : { caCertificate: () => rootIn(file) }),
  };
}

function recordedIssuer(
  name: string,
  record: IssuerRecord | undefined,
): IssuerSettings | undefined {
  return (
    record && {
      name,
      ...record,
      caCertificate:
        record.caCertificate === undefined ? undefined : async () => record.caCertificate ?? '',
    }
  );
}

/** @throws ConfigError `ERR_CONFIG_ISSUER` */
async function rootIn(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigError(
      'ERR_CONFIG_ISSUER',
      `the CA certificate ${file} cannot be read (${cause.code ?? cause.message})`,
      { cause },
    );
  });
}

/** Whether a chain leads to an issuer of this common name at its end. */
export function endsIn(issuer: string): (pem: string) => boolean {
  return (pem) =>
    new RegExp(`(^|, ?)CN=${issuer.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(,|$)`).test(
      parseChain(pem).at(-1)?.issuer ?? '',
    );
}
