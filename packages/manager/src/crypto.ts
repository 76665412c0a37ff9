import type { CryptoBackend } from '@acmex/certificate';
import type { Config, ConfigValues } from '@acmex/config';
import { pkcs11Signer, programSigner, signingBackend } from '@acmex/crypto-exec';
import type { Environment } from './hooks.ts';

/**
 * Returns the backend of the keys of a configuration: keys in memory, and those that `[keys]` says
 * how to sign with.
 * @param environment the programs see `PATH`, `HOME` and the variables that `[keys]` names
 */
export function configuredCrypto(
  { values: { keys } }: Pick<Config, 'values'>,
  environment: Environment,
): CryptoBackend {
  const optionsOf = ({ pin, env, timeout_secs: seconds }: ProgramKeys) => ({
    env: Object.fromEntries(['PATH', 'HOME', ...env].map((name) => [name, environment[name]])),
    pin: pin?.reveal,
    limit: { seconds },
  });
  const { pkcs11, programs } = keys;
  const signers = Object.entries(programs).map(
    ([name, program]) =>
      [name, programSigner({ command: program.command, ...optionsOf(program) })] as const,
  );
  const { tool, module } = pkcs11 ?? {};
  return signingBackend({
    signers: {
      ...Object.fromEntries(signers),
      ...(pkcs11 && module !== undefined
        ? { pkcs11: pkcs11Signer({ module, tool, ...optionsOf(pkcs11) }) }
        : {}),
    },
  });
}

type ProgramKeys = Pick<ConfigValues['keys']['programs'][string], 'pin' | 'env' | 'timeout_secs'>;
