import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { errorText } from '@acmex/errors';
import type { Bundle } from './bundle.ts';
import { DeployError } from './errors.ts';
import { probe, type ProbeOptions } from './probe.ts';
import type {
  CompleteBundle,
  DeployTarget,
  Restored,
  StagedCertificate,
  StageOptions,
  TargetCallOptions,
} from './target.ts';

export interface TransactionOptions extends StageOptions {
  /** As messages name the target: the name of its table in the configuration. */
  readonly name: string;
  /** Runs after the certificate is put in use, and after the former one is put back. */
  readonly hook?: ((options: TargetCallOptions) => Promise<unknown>) | undefined;
  /** The server that must serve the certificate; without it, the target's answer is enough. */
  readonly probe?: Omit<ProbeOptions, 'signal' | 'clock'> | undefined;
  /** For putting the former certificate back; 2 minutes by default. */
  readonly rollBackLimit?: DurationInput | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Deploys a certificate to a target as a transaction: stage, apply, hook, probe, commit. Where a
 * step fails, the former certificate is put back, its hook runs, and the probe looks whether it is
 * served again.
 *
 * When `signal` aborts, nothing more is changed: the next attempt continues, and puts the former
 * certificate back if it fails.
 *
 * @throws DeployError the failure of the step, with what is in use now; `ERR_DEPLOY_ROLL_BACK`
 * where the former certificate could not be put back
 */
export async function deployToTarget(
  target: DeployTarget,
  bundle: Bundle,
  options: TransactionOptions,
): Promise<void> {
  const { name, probe: server, signal, clock } = options;
  const complete = completeBundle(bundle, name);
  const staged = await named(name, options, async () => await target.stage(complete, options));
  try {
    await staged.apply({ signal });
    await options.hook?.({ signal });
    if (server) await probe(serialNumbersOf(bundle), { ...server, signal, clock });
  } catch (error) {
    signal?.throwIfAborted();
    throw await rolledBack(staged, error, options);
  }
  await named(name, options, async () => await staged.commit?.({ signal }));
}

/** A server chooses one of two certificates for each client. */
function serialNumbersOf({ serialNumber, second }: Bundle): readonly string[] {
  return second ? [serialNumber, second.serialNumber] : [serialNumber];
}

function completeBundle({ privateKey, ...bundle }: Bundle, name: string): CompleteBundle {
  if (privateKey !== undefined) return { ...bundle, privateKey };
  throw new DeployError(
    'ERR_DEPLOY_TARGET',
    `the deploy target ${name} needs the private key, which is in a device and cannot be written: remove the target from this certificate, and let the server use the device`,
  );
}

/** Puts the former certificate back, and returns the error that says so. */
async function rolledBack(
  staged: StagedCertificate,
  failure: unknown,
  { name, former, hook, probe: server, rollBackLimit: limit = 'PT2M', clock }: TransactionOptions,
): Promise<DeployError> {
  const { code, message } = deployFailure(failure);
  try {
    // It takes no signal of the caller: a place must not stay half changed.
    const { serialNumber } = await withTimeLimit(
      { clock: clock ?? systemClock, limit },
      async (limited) => {
        const restored = await staged.rollBack({ signal: limited });
        await hook?.({ signal: limited });
        return await confirmed(restored, server, { former, clock, signal: limited });
      },
    );
    const state =
      serialNumber === undefined
        ? 'the certificate is removed again; there was none before'
        : `the former certificate ${serialNumber} is back`;
    return new DeployError(code, `the deploy target ${name}: ${message}; ${state}`, {
      cause: failure,
    });
  } catch (error) {
    return new DeployError(
      'ERR_DEPLOY_ROLL_BACK',
      `the deploy target ${name}: ${message}; and the former certificate could not be put back: ${errorText(error)}`,
      { cause: failure },
    );
  }
}

/** Waits until the certificate that was put back is served. */
async function confirmed(
  restored: Restored,
  server: TransactionOptions['probe'],
  {
    former,
    ...options
  }: Pick<ProbeOptions, 'clock' | 'signal'> & Pick<TransactionOptions, 'former'>,
): Promise<Restored> {
  const { serialNumber } = restored;
  if (server && serialNumber !== undefined) {
    const isFormer = former?.serialNumber === serialNumber;
    const expected = isFormer ? serialNumbersOf(former) : serialNumber;
    await probe(expected, { ...server, ...options });
  }
  return restored;
}

async function named<T>(
  name: string,
  { signal }: TargetCallOptions,
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (error) {
    signal?.throwIfAborted();
    const { code, message } = deployFailure(error);
    throw new DeployError(code, `the deploy target ${name}: ${message}`, { cause: error });
  }
}

function deployFailure(error: unknown): Pick<DeployError, 'code' | 'message'> {
  if (error instanceof DeployError) return error;
  return { code: 'ERR_DEPLOY_UNREACHABLE', message: errorText(error) };
}
