import type { ProgramEnd } from '@acmex/files';
import { SignerError } from './errors.ts';
import { failed, type ProgramOptions, programRun } from './program-run.ts';
import type { Signer } from './signer.ts';

export interface ProgramSignerOptions extends ProgramOptions {
  /** The program, an absolute path or a name in `env.PATH`, and its first arguments. */
  readonly command: readonly [string, ...(readonly string[])];
}

/** Exit codes with a meaning of their own. */
const exits = { noSuchKey: 2, pinRefused: 3 } as const;

/**
 * Signs by a program. It is started without a shell as `PROGRAM public-key REFERENCE` or `PROGRAM
 * sign REFERENCE ALGORITHM`, and writes the public key or the signature to standard output. To sign,
 * it reads the digest from standard input; for `ed25519` the data themselves. It ends with 0; with 2
 * when there is no such key, and with 3 when the PIN or the credential is wrong.
 */
export function programSigner({ command, ...options }: ProgramSignerOptions): Signer {
  const [name] = command;
  const run = programRun(name, command, options);
  const output = async (args: readonly string[], input?: Uint8Array) => {
    const end = await run(
      { args, ...(input === undefined ? {} : { input }) },
      (ended) => ended.end === exits.pinRefused,
    );
    return outputOf(name, end);
  };
  return {
    name,
    publicKey: async (reference) => await output(['public-key', reference]),
    sign: async (reference, message, algorithm) =>
      await output(['sign', reference, algorithm], message),
  };
}

function outputOf(name: string, ended: ProgramEnd): Uint8Array {
  if (ended.end === exits.noSuchKey)
    throw new SignerError(
      'ERR_SIGNER_KEY',
      `${failed(name, ended).message}: it has no such key; check the reference`,
    );
  if (ended.end !== 0) throw failed(name, ended);
  return ended.output;
}
