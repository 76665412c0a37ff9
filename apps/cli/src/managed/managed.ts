import { acmeIssuer, storedResponses } from '@acmex/config';
import { systemClock } from '@acmex/clock';
import type { ChallengeSolver, IssuanceProgress } from '@acmex/client';
import { type Issuer, type JsonObject, Provisioner, Upkeep } from '@acmex/orchestrator';
import { type AcmeSession, acmeSession, importAccountKey } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import type { Storage } from '@acmex/storage';
import { CliError } from '../errors.ts';
import type { ObtainOptions } from '../obtain/options.ts';
import { endsIn } from '../obtain/request.ts';
import { solverFor } from '../obtain/solver.ts';
import { tell, track, watched } from '../obtain/telling.ts';
import { savedAccount } from '../saved-account.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { deployer } from './deployer.ts';
import { findIssuer, type IssuerRecord } from './issuer-record.ts';
import { savedCredentials } from './saved-credentials.ts';

/** The flags of `obtain` that say how names are proven: a certificate's record keeps them, so that a renewal finds them. */
export const proofFlags = ['challenge', 'httpPort', 'webroot', 'tlsPort', 'dnsProvider', 'dnsEnv', 'dnsResolver', 'propagationWait', 'preferredChain', 'execPath'] as const;
export type Proof = Pick<ObtainOptions, Exclude<(typeof proofFlags)[number], 'execPath'>> & { readonly execPath?: string | undefined };

/** What keeps certificates current, joined for the command line. */
export interface Managed {
  readonly storage: Storage;
  readonly provisioner: Provisioner;
  readonly upkeep: Upkeep;
}

export interface ManagedOptions {
  readonly storage: Storage;
  readonly terminal: Terminal;
  readonly report: Reporter;
  /** In place of the account that is kept: `obtain`, which has registered or found it. */
  readonly session?: { readonly issuer: string; readonly session: AcmeSession } | undefined;
}

export function managed({ storage, terminal: { env, display }, report, session }: ManagedOptions): Managed {
  const onProgress = (progress: IssuanceProgress) => {
    track(display, progress);
    tell(report, progress);
  };
  // One solver for one way to prove names: those at work at the same time share its listener.
  const solvers = new Map<string, Promise<ChallengeSolver>>();
  const solverOf = async (proof: JsonObject | undefined) => {
    const credentials = await savedCredentials(storage);
    const way = JSON.stringify([proof, credentials]);
    const solver = solvers.get(way) ?? solverFor(proofOf(proof), { ...credentials, ...env }, (type) => storedResponses(storage, type));
    solvers.set(way, solver);
    return [await solver];
  };
  const known = new Map<string, Issuer>();
  const issuers = async (name: string) => {
    const record = known.has(name) ? undefined : await findIssuer(storage, name);
    if (record) known.set(name, issuerOf(name, record));
    return known.get(name);
  };
  const issuerOf = (name: string, found: IssuerRecord) => acmeIssuer({
    name, onProgress,
    session: async ({ signal }) => (session?.issuer === name ? session.session : await keptSession(storage, found, { report, signal })),
    solvers: solverOf,
    prefer: (proof) => {
      const { preferredChain } = proofOf(proof);
      return preferredChain === undefined ? undefined : endsIn(preferredChain);
    },
  });
  const provisioner = new Provisioner({ storage, issuers });
  return { storage, provisioner, upkeep: new Upkeep({ storage, provisioner, deployer: deployer({ env }) }) };
}

/** An account that a renewal uses is one that `obtain` has made: nobody agrees to terms while nobody is there. */
async function keptSession(storage: Storage, { directory, caCertificate, title }: IssuerRecord, { report, signal }: { readonly report: Reporter; readonly signal?: AbortSignal | undefined }): Promise<AcmeSession> {
  const { key, account } = await savedAccount(storage, directory, signal ?? new AbortController().signal);
  if (account === undefined) throw new CliError('ERR_CLI_USAGE', `there is no account at ${title} in this storage: obtain a certificate from it once, with --accept-tos`);
  return acmeSession({ directory, key: await importAccountKey(key), account, fetch: watched(nodeFetch({ ca: caCertificate }), report), userAgent: 'acmex-cli', clock: systemClock });
}

function proofOf(proof: JsonObject | undefined): Proof {
  // What this program wrote, and nothing else reads.
  return (proof ?? {}) as unknown as Proof;
}
