import {
  type Clock,
  type DurationInput,
  keyedMutex,
  systemClock,
  withTimeLimit,
} from '@acmex/clock';
import { printable, withoutPrivateKeys } from '@acmex/errors';
import { fileErrorText, type ProgramEnd, runProgram, trustedProgram } from '@acmex/files';
import { SignerError } from './errors.ts';

/** Options of every program that signs. */
export interface ProgramOptions {
  /**
   * All that the program sees of the environment. An application passes `PATH`, and what the
   * program needs.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Reads the PIN, which the program gets in the variable `ACMEX_PIN`. */
  readonly pin?: (() => Promise<string>) | undefined;
  /** How long one call may take; 30 seconds by default. */
  readonly limit?: DurationInput | undefined;
  readonly clock?: Clock | undefined;
}

export interface Call {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: Uint8Array;
}

/** No public key and no signature is longer. */
const maximumOutput = 64 * 1024;

/** Runs a program for a signer. */
export interface ProgramRun {
  /**
   * Runs the program to its end, whatever its exit code.
   * @param refusesPin whether the end says that the PIN is wrong: the same PIN is not used again
   * @throws SignerError
   */
  (call: Call, refusesPin: (end: ProgramEnd) => boolean): Promise<ProgramEnd>;
}

/**
 * Creates a function that runs a program, one call at a time: a device can lock after a few wrong
 * PINs, and the second call must know whether the first was refused.
 * @param name how messages name the program
 */
export function programRun(
  name: string,
  [program, ...firstArgs]: readonly [string, ...(readonly string[])],
  { env = {}, pin, limit = { seconds: 30 }, clock = systemClock }: ProgramOptions,
): ProgramRun {
  const mutex = keyedMutex();
  const currentPin = pinReader(name, pin);
  const run = async (call: Call, refusesPin: (end: ProgramEnd) => boolean) => {
    const secret = await currentPin.read();
    const executable = await trusted(name, program, env.PATH);
    const end = await withTimeLimit({ clock, limit }, (signal) =>
      runProgram({
        executable,
        name: program,
        args: [...firstArgs, ...call.args],
        env: { ...env, ...call.env, ...(secret === undefined ? {} : { ACMEX_PIN: secret }) },
        input: call.input,
        maximumOutput,
        signal,
      }),
    ).catch((error: unknown) => {
      throw notRun(name, error);
    });
    if (end.isTooLong)
      throw new SignerError(
        'ERR_SIGNER_OUTPUT',
        `${name}: it wrote more than ${maximumOutput} bytes and was ended: it must write only the public key or the signature`,
      );
    if (end.end !== 0 && refusesPin(end)) {
      currentPin.refuse(secret);
      throw pinRefused(name, 'was refused');
    }
    return end;
  };
  return async (call, refusesPin) => await mutex(program, async () => await run(call, refusesPin));
}

async function trusted(name: string, program: string, path: string | undefined): Promise<string> {
  try {
    return await trustedProgram(program, { path });
  } catch (cause) {
    throw new SignerError('ERR_SIGNER_PROGRAM', `${name} is not run: ${fileErrorText(cause)}`, {
      cause,
    });
  }
}

function notRun(name: string, cause: unknown): SignerError {
  const isLate = cause instanceof Error && 'code' in cause && cause.code === 'ERR_TIME_LIMIT';
  return isLate
    ? new SignerError(
        'ERR_SIGNER_TIME',
        `${name}: it did not end within its time limit and was ended: run it by hand, it may wait for input or for the network`,
        { cause },
      )
    : new SignerError('ERR_SIGNER_PROGRAM', `${name} cannot be started: ${fileErrorText(cause)}`, {
        cause,
      });
}

function pinReader(name: string, pin: (() => Promise<string>) | undefined) {
  let refused: string | undefined;
  return {
    async read() {
      const secret = await pin?.();
      if (secret !== undefined && secret === refused)
        throw pinRefused(name, 'was refused before and is not tried again');
      if (secret?.includes('\0')) throw pinRefused(name, 'contains a zero byte');
      return secret;
    },
    refuse(secret: string | undefined) {
      refused = secret;
    },
  };
}

function pinRefused(name: string, what: string): SignerError {
  return new SignerError(
    'ERR_SIGNER_PIN',
    `${name}: the PIN ${what}, because devices lock after a few wrong ones: correct the PIN`,
  );
}

/** Returns the error of a program that ended with something else than 0, with what it wrote. */
export function failed(name: string, { end, complaints }: ProgramEnd): SignerError {
  const written = withoutPrivateKeys(complaints).trim().slice(-500);
  return new SignerError(
    'ERR_SIGNER_FAILED',
    `${name} ended with ${end}${written === '' ? '' : `: ${printable(written, 500)}`}`,
  );
}
