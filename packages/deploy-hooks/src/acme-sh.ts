import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, DurationInput } from '@acmex/clock';
import {
  type CompleteBundle,
  DeployError,
  type DeployTarget,
  filesOf,
  folderName,
  readCredential,
  runHook,
  type TargetMemory,
} from '@acmex/deploy';
import { errorCode, errorText, withoutSecrets } from '@acmex/errors';
import { fileErrorText, trustedFile, writeNewFile } from '@acmex/files';

export interface AcmeShDeployOptions {
  /** The folder of acme.sh: `/root/.acme.sh`. */
  readonly home: string;
  /** The name that follows `--deploy-hook`: `haproxy`. */
  readonly hook: string;
  /** The variables of the script, as its documentation names them. Each is read for each run. */
  readonly settings?: Readonly<Record<string, string | (() => Promise<string>)>> | undefined;
  /** What the script sees of the environment besides its settings: at least `PATH`. */
  readonly env: Readonly<Record<string, string>>;
  /** `/bin/sh` by default. */
  readonly shell?: string;
  /** For one run of the script; 2 minutes by default. */
  readonly limit?: DurationInput;
  readonly clock?: Clock;
}

/**
 * A fixed text: everything from outside is passed as a parameter. acme.sh without parameters prints
 * its help and defines its functions. The variables are those that acme.sh sets for a script.
 */
const script = `acmex_program=$1 acmex_hook=$2 acmex_call=$3 acmex_domain=$4 acmex_folder=$5
acmex_name=$6 acmex_key_length=$7
set --
. "$acmex_program" >/dev/null || exit 1
_initpath || exit 1
DOMAIN_PATH=$acmex_folder DOMAIN_CONF=$acmex_folder/domain.conf
Le_Domain=$acmex_domain Le_Keylength=$acmex_key_length
CERT_KEY_PATH=$acmex_folder/$acmex_name.key CERT_PATH=$acmex_folder/$acmex_name.cer
CA_CERT_PATH=$acmex_folder/ca.cer CERT_FULLCHAIN_PATH=$acmex_folder/fullchain.cer
. "$acmex_hook" || exit 1
"$acmex_call" "$acmex_domain" "$CERT_KEY_PATH" "$CERT_PATH" "$CA_CERT_PATH" "$CERT_FULLCHAIN_PATH"`;

/**
 * Deploys with a `deploy` script of the user's installation of acme.sh: `NAME_deploy DOMAIN KEY CERT
 * CA FULLCHAIN`. What the script saves with `_savedeployconf` is kept in the memory of the target,
 * one for each certificate, and `_getdeployconf` reads it the next time; nothing is written to the
 * folder of acme.sh. The files exist only while the script runs, and only this user can read them.
 *
 * Scripts cannot undo what they did: to put the former certificate back, the script runs with it.
 *
 * @see https://github.com/acmesh-official/acme.sh/wiki/deployhooks
 * @throws RangeError for a hook or a variable whose name is not valid; DeployError
 * `ERR_DEPLOY_HOOK`, `ERR_DEPLOY_UNSAFE`, `ERR_DEPLOY_ROLL_BACK`
 */
export function acmeShDeploy(options: AcmeShDeployOptions): DeployTarget {
  const { hook, settings = {} } = options;
  if (!/^\w+$/.test(hook))
    throw new RangeError(
      `${JSON.stringify(hook)} is not the name of a deploy script of acme.sh: write it as haproxy`,
    );
  for (const name of Object.keys(settings))
    if (!/^[A-Za-z_]\w*$/.test(name))
      throw new RangeError(`${JSON.stringify(name)} is not the name of a variable`);
  return {
    name: 'acme.sh',
    async stage(bundle, { former, memory, signal }) {
      await scriptsOf(options);
      let isTouched = false;
      return {
        async apply({ signal: during = signal }) {
          isTouched = true;
          await deploy(bundle, memory, { ...options, signal: during });
        },
        async rollBack({ signal: during }) {
          if (!former && isTouched)
            throw new DeployError(
              'ERR_DEPLOY_ROLL_BACK',
              `acme.sh: ${hook} has no former certificate to put back: look at what it deploys to`,
            );
          if (former && isTouched) await deploy(former, memory, { ...options, signal: during });
          return { serialNumber: former?.serialNumber };
        },
      };
    },
  };
}

type RunOptions = AcmeShDeployOptions & { readonly signal: AbortSignal | undefined };

/**
 * Returns the real paths of acme.sh and the script, which no one but root and this user can change.
 * @throws DeployError `ERR_DEPLOY_UNSAFE`
 */
async function scriptsOf({ home, hook }: AcmeShDeployOptions) {
  const trusted = async (path: string) =>
    await trustedFile(path).catch((cause: unknown) => {
      const code =
        errorCode(cause) === 'ERR_FILES_UNSAFE' ? 'ERR_DEPLOY_UNSAFE' : 'ERR_DEPLOY_HOOK';
      throw new DeployError(code, `acme.sh: ${path} is not run: ${fileErrorText(cause)}`, {
        cause,
      });
    });
  return {
    program: await trusted(join(home, 'acme.sh')),
    file: await trusted(join(home, 'deploy', `${hook}.sh`)),
  };
}

/** Runs the script with the files of a certificate. */
async function deploy(
  bundle: CompleteBundle,
  memory: TargetMemory,
  options: RunOptions,
): Promise<void> {
  const { program, file } = await scriptsOf(options);
  const folder = await mkdtemp(join(tmpdir(), 'acmex-deploy-'));
  try {
    const name = folderName(bundle.names);
    const saved = await memory.read();
    await writeFiles(folder, name, bundle, saved);
    const { hook, shell = '/bin/sh' } = options;
    const domain = bundle.names[0] ?? name;
    const call = [program, file, `${hook}_deploy`, domain, folder, name, keyLengthOf(bundle)];
    await run([shell, '-c', script, program, ...call], options);
    const text = await readFile(join(folder, 'domain.conf'), 'utf8');
    const lines = text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .join('\n');
    if (lines !== (saved ?? '')) await memory.write(lines);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeFiles(
  folder: string,
  name: string,
  bundle: CompleteBundle,
  saved = '',
): Promise<void> {
  const { certificate, chain, fullchain } = filesOf(bundle);
  const texts = {
    [`${name}.key`]: bundle.privateKey,
    [`${name}.cer`]: certificate,
    'ca.cer': chain,
    'fullchain.cer': fullchain,
    'domain.conf': saved === '' ? '' : `${saved}\n`,
  };
  for (const [file, text] of Object.entries(texts))
    await writeNewFile(join(folder, file), text, { mode: 0o600, flush: 'nothing' });
}

async function run(argv: readonly string[], options: RunOptions): Promise<void> {
  const { home, hook, settings = {}, limit, clock, signal } = options;
  const values = await Promise.all(
    Object.entries(settings).map(
      async ([key, value]) =>
        [
          key,
          typeof value === 'string'
            ? value
            : await readCredential('acme.sh', `the setting ${key}`, value),
        ] as const,
    ),
  );
  const env = { ...options.env, ...Object.fromEntries(values), LE_WORKING_DIR: home };
  try {
    await runHook(argv, { env, limit, clock, signal });
  } catch (cause) {
    signal?.throwIfAborted();
    const secrets = values.map(([, value]) => value);
    // The cause is left out: its message may have the values of the settings.
    throw new DeployError(
      errorCode(cause) === 'ERR_DEPLOY_UNSAFE' ? 'ERR_DEPLOY_UNSAFE' : 'ERR_DEPLOY_HOOK',
      `acme.sh: ${hook}_deploy failed: ${withoutSecrets(errorText(cause), secrets)}`,
    );
  }
}

/** Returns the length of a key as acme.sh writes it: `ec-256`, `2048`. */
function keyLengthOf({ chain }: CompleteBundle): string {
  const { asymmetricKeyDetails: details = {} } = new X509Certificate(chain).publicKey;
  const curves: Readonly<Record<string, string>> = {
    prime256v1: 'ec-256',
    secp384r1: 'ec-384',
    secp521r1: 'ec-521',
  };
  const { namedCurve, modulusLength } = details;
  return namedCurve === undefined ? `${modulusLength ?? ''}` : (curves[namedCurve] ?? namedCurve);
}
