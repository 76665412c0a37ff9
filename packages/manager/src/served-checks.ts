import { type Clock, mapConcurrent } from '@acmex/clock';
import { parseChain } from '@acmex/certificate';
import { errorCode } from '@acmex/errors';
import {
  chainsInUse,
  type ObservedPlace,
  recordServed,
  servedCertificates,
} from '@acmex/orchestrator';
import { anyAddress } from '@acmex/probe';
import type { CertificateManager } from './certificate-manager.ts';
import { servedStatus, type ServedStatus } from './certificate-status.ts';
import { claim } from './claims.ts';
import { namedTargets, placeText, type ServedTarget } from './served-targets.ts';

export interface ServedCheckOptions {
  /** Called at each check. */
  readonly managers: () => ReadonlyMap<string, Pick<CertificateManager, 'storage' | 'provisioner'>>;
  readonly clock: Clock;
  readonly onError: (what: string, error: unknown) => void;
}

/** One of the processes with a storage checks its servers in this time. */
const intervalMs = 15 * 60_000;
/** The number of certificates whose servers are checked at the same time. */
const atOnce = 4;
/** The number of servers of one certificate that are checked. */
const mostServers = 100;

/** Starts to check what servers serve: at once, and after each interval. */
export function startServedChecks(options: ServedCheckOptions): AsyncDisposable {
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = async () => {
    while (!signal.aborted) {
      await checkServed(options, { signal });
      await options.clock
        .sleep({ milliseconds: intervalMs }, { signal })
        .catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
    }
  };
  const ended = running();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}

/**
 * Compares what the servers of `served_at` serve with the certificates of all managers, unless a
 * process has done it within 15 minutes, and records it. It needs no queue and no CA, and checks
 * paused certificates too.
 */
export async function checkServed(
  { managers, clock, onError }: ServedCheckOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  for (const [scope, manager] of managers()) {
    const prefix = scope === '' ? '' : `${scope}/`;
    const report = (what: string, error: unknown) => {
      if (!signal.aborted) onError(what, error);
    };
    try {
      const { storage } = manager;
      if (!(await claim('served', { storage, intervalMs, clock }))) continue;
      await mapConcurrent(atOnce, servedCertificates(storage, { signal }), async (id) => {
        await checkCertificate(id, manager, { clock, signal }).catch((error: unknown) =>
          report(`the servers of ${prefix}${id} are not checked`, error),
        );
      });
    } catch (error) {
      report(`${prefix}the servers are not checked`, error);
    }
  }
}

async function checkCertificate(
  id: string,
  { storage, provisioner }: Pick<CertificateManager, 'storage' | 'provisioner'>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const certificate = await provisioner.certificates.find(id);
  const current = certificate?.current;
  if (!certificate || !current) return;
  const { generation } = current;
  const content = await provisioner.certificates.generation(id, generation);
  const leaves = content
    ? chainsInUse(content).flatMap(({ chain }) => parseChain(chain).slice(0, 1))
    : [];
  if (leaves.length === 0) return;
  const wanted = leaves.map(({ der }) => der);
  const targets = namedTargets(certificate).slice(0, mostServers);
  const places = await mapConcurrent(atOnce, targets, async (target) => {
    const seen = await servedStatus(wanted, [target], { policy: anyAddress, clock, signal });
    return observed(target, seen, clock);
  });
  signal.throwIfAborted();
  await recordServed(id, { generation, places }, { storage, clock }).catch((error: unknown) => {
    if (errorCode(error) !== 'ERR_ORCHESTRATOR_NOT_FOUND') throw error;
  });
}

/**
 * Returns what a server serves at all of its addresses together: it differs where one of them does,
 * and is unreachable where none answers.
 */
function observed(
  target: ServedTarget,
  seen: readonly ServedStatus[],
  clock: Clock,
): ObservedPlace {
  const place = placeText(target);
  const different = seen.find((status) => status.status === 'different');
  if (different) return { place, state: 'differs', detail: differenceText(different, clock) };
  if (seen.some(({ status }) => status === 'same')) return { place, state: 'same' };
  const reasons = seen.flatMap((status) => (status.status === 'unknown' ? [status.reason] : []));
  return { place, state: 'unreachable', detail: reasons.join('; ').slice(0, 500) };
}

function differenceText(
  { address, serialNumber, notAfter }: Extract<ServedStatus, { readonly status: 'different' }>,
  clock: Clock,
): string {
  const at = address === undefined ? '' : ` at ${address}`;
  if (notAfter === undefined) return `serves a certificate${at} that cannot be read`;
  const hasExpired = Date.parse(notAfter) <= clock.now().epochMilliseconds;
  return `serves another certificate${at}: serial ${serialNumber}, ${hasExpired ? 'EXPIRED at' : 'valid until'} ${notAfter}`;
}
