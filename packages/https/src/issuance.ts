import type { Clock } from '@acmex/clock';
import {
  certificateManager,
  type CertificateManager,
  type ChallengeConfig,
  issuerName,
  type IssuerSettings,
  resolveChallenge,
  serializeChallenge,
  singleDnsProvider,
  storedResponses,
  type Worker,
  worker,
  type WorkerOptions,
} from '@acmex/manager';
import { inProcessQueue } from '@acmex/scheduler';
import type { Storage } from '@acmex/storage';
import { authorities, type AutocertOptions, type Place } from './options.ts';
import { portSolver } from './solvers.ts';

const challengeOfPort = ['tls-alpn-01', 'http-01'] as const;

export interface IssuanceOptions {
  readonly settings: AutocertOptions;
  readonly storage: Storage;
  readonly place: Place;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** What orders and renews certificates. */
export interface Issuance {
  readonly manager: CertificateManager;
  readonly worker: Worker;
  /** The names of the CAs in certificates, the first one first. */
  readonly issuers: readonly [string, ...string[]];
  /** Validates by the other port the next time: a proxy or a firewall may let only one through. */
  changeChallenge(id: string): Promise<void>;
}

/** Begins to order and renew what is due in a storage. */
export function startIssuance(
  options: IssuanceOptions,
  onMaintained: NonNullable<WorkerOptions['onMaintained']>,
): Issuance {
  const { clock, onError } = options;
  const [first, ...further] = authorities(options.settings, issuerName);
  const manager = managerFor(options, [first, ...further]);
  const managers = new Map([['', manager]]);
  return {
    manager,
    issuers: [first.name, ...further.map(({ name }) => name)],
    worker: worker({
      managers: () => managers,
      queue: inProcessQueue({ clock }),
      concurrency: 5,
      clock,
      onMaintained,
      onError: (_, error) => onError(error),
    }),
    async changeChallenge(id) {
      await manager.provisioner.change(id, ({ proof }) => {
        const { challenge } = resolveChallenge(proof, manager.challenge);
        const next = challengeOfPort.find((type) => type !== challenge);
        const isOfPort = challengeOfPort.some((type) => type === challenge);
        return isOfPort && next ? { proof: serializeChallenge({ challenge: next }) } : {};
      });
    },
  };
}

function managerFor(
  { settings, storage, place, clock }: IssuanceOptions,
  issuers: readonly IssuerSettings[],
): CertificateManager {
  const { dnsProvider, fetch, watch } = settings;
  const challenge: ChallengeConfig = {
    challenge: dnsProvider ? 'dns-01' : challengeOfPort[0],
    tlsPort: place.https,
    httpPort: place.http,
  };
  return certificateManager({
    storage,
    clock,
    challenge,
    issuers,
    solver: ({ challenge: type }) =>
      type === 'tls-alpn-01' || type === 'http-01'
        ? portSolver(type, { shared: (of) => storedResponses(storage, of), place, clock })
        : undefined,
    ...(dnsProvider ? { dnsProviders: singleDnsProvider(dnsProvider) } : {}),
    ...(fetch ? { fetch: () => fetch } : {}),
    ...{ onExchange: watch?.onExchange, watchIssuer: watch?.watchIssuer },
    userAgent: 'acmex-https',
  });
}
