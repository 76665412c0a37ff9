import type { CompleteBundle, DeployTarget } from './target.ts';
import { DeployError } from './errors.ts';
import type { StandInTargetSubject, TargetTrouble } from './contract.ts';

/** What a target can do wrong, for the tests of the contract. */
export interface Faults {
  /** Puts the certificate in use when it is staged. */
  readonly appliesEarly?: boolean;
  /** Puts nothing in use. */
  readonly appliesNothing?: boolean;
  /** Leaves out the chain. */
  readonly leafAlone?: boolean;
  /** Refuses a certificate that is in use already. */
  readonly onceOnly?: boolean;
  /** Puts back what it found, also where that is the new certificate. */
  readonly trustsPlace?: boolean;
  /** Puts nothing back. */
  readonly staysNew?: boolean;
  /** Says that it put back another certificate. */
  readonly wrongSerialNumber?: boolean;
  /** Repeats what the place says. */
  readonly repeatsSecrets?: boolean;
  /** Has one code for each failure. */
  readonly oneCode?: boolean;
  /** Puts nothing back after a failure. */
  readonly forgetsFailed?: boolean;
  /** Does not end with its signal. */
  readonly ignoresSignal?: boolean;
}

const secret = 'a-token-that-stays-secret';

/** A target in memory, and its place. */
export function memoryTarget(faults: Faults = {}): StandInTargetSubject & {
  /** The serial numbers of all certificates that were in use, in order. */
  readonly history: readonly (string | undefined)[];
} {
  let [inUse, trouble, left] = [
    undefined as CompleteBundle | undefined,
    undefined as TargetTrouble | undefined,
    0,
  ];
  const history: (string | undefined)[] = [];
  const request = async (bundle: CompleteBundle | undefined, signal?: AbortSignal) => {
    await new Promise((resolve) => setImmediate(resolve));
    const now = left > 0 ? undefined : trouble;
    left -= 1;
    if (now === 'silence' && !faults.ignoresSignal) await aborted(signal);
    const failure = now && failureOf(now, bundle, faults);
    if (failure && now !== 'lost-answer') throw failure;
    inUse = bundle && faults.leafAlone ? { ...bundle, chain: leafOf(bundle) } : bundle;
    history.push(inUse?.serialNumber);
    if (failure) throw failure;
  };
  const target: DeployTarget = {
    name: 'memory',
    async stage(bundle, { former, signal }) {
      const present = inUse;
      const isSame = present?.serialNumber === bundle.serialNumber && !faults.trustsPlace;
      const before = isSame ? former : present;
      if (faults.onceOnly && isSame) throw new DeployError('ERR_DEPLOY_REFUSED', 'it is there');
      if (faults.appliesEarly) await request(bundle, signal);
      let hasFailed = false;
      return {
        async apply(options) {
          try {
            if (!faults.appliesNothing) await request(bundle, options.signal);
          } catch (error) {
            hasFailed = true;
            throw error;
          }
        },
        async rollBack(options) {
          const isForgotten = hasFailed && faults.forgetsFailed;
          if (!faults.staysNew && !isForgotten) await request(before, options.signal);
          return { serialNumber: faults.wrongSerialNumber ? '00' : before?.serialNumber };
        },
      };
    },
  };
  return {
    target,
    history,
    inUse: async () => inUse,
    secrets: [secret],
    trouble(kind, { after = 0 } = {}) {
      [trouble, left] = [kind, after];
    },
  };
}

function failureOf(
  trouble: TargetTrouble,
  bundle: CompleteBundle | undefined,
  { repeatsSecrets, oneCode }: Faults,
): DeployError {
  const text = repeatsSecrets ? `memory: ${secret} ${bundle?.privateKey}` : 'memory: no';
  if (oneCode) return new DeployError('ERR_DEPLOY_FILE', text);
  if (trouble === 'credentials') return new DeployError('ERR_DEPLOY_CREDENTIALS', text);
  if (trouble === 'refusal') return new DeployError('ERR_DEPLOY_REFUSED', text);
  return new DeployError('ERR_DEPLOY_UNREACHABLE', text);
}

function leafOf({ chain }: CompleteBundle): string {
  return chain.slice(0, chain.indexOf('-----END CERTIFICATE-----') + 26);
}

async function aborted(signal: AbortSignal | undefined): Promise<never> {
  signal?.throwIfAborted();
  return await new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
