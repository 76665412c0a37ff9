import { access } from 'node:fs/promises';
import { parseChain, preferredChainWarning } from '@acmex/certificate';
import { isAttendedDnsProvider } from '@acmex/config';
import { fileAttributes } from '@acmex/deploy';
import { printable } from '@acmex/errors';
import { serializeChallenge } from '@acmex/manager';
import { assertKeyPair } from '@acmex/orchestrator';
import {
  authoritySettings,
  chooseAuthority,
  displayName,
  fallbackAuthorities,
} from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import { assertTwoFiles } from '../managed/certificates.ts';
import { commandManager } from '../managed/manager.ts';
import { openStorage } from '../open-storage.ts';
import { formatResult } from '../output.ts';
import { reporter, type Terminal } from '../terminal.ts';
import { readAccountKey } from './account-key.ts';
import { challengeFromFlags } from './challenge.ts';
import { promptForRecord } from './manual-dns.ts';
import { keyTypesOf, type ObtainOptions } from './options.ts';
import type { Obtaining } from './obtaining.ts';
import { orderManaged } from './order-managed.ts';
import { orderOnce } from './order-once.ts';
import { namesOf, pathOfSecondKey, writtenPaths } from './request.ts';
import { resultDocument, resultText } from './result.ts';

/**
 * `acmex obtain`: obtains a certificate, writes it to its files, and has it renewed unless
 * `--no-manage` is present.
 */
export async function obtain(options: ObtainOptions, terminal: Terminal): Promise<void> {
  assertTwoFiles(options.certPath, options.keyPath);
  assertDeployment(options);
  assertKeyTypes(options);
  const names = namesOf(options);
  const { configuration } = options;
  const wanted = { ...options, issuers: options.issuer };
  const authority = await chooseAuthority(wanted, configuration, terminal.env);
  const fallbacks = await fallbackAuthorities(wanted, configuration);
  const accountKey = await readAccountKey(options, terminal);
  const settings = { ...authoritySettings(authority), accountKey };
  const preferredChain = options.preferredChain ?? authority.preferredChain;
  const challenge = serializeChallenge(challengeFromFlags(options, terminal.env));
  const report = await reporter(terminal, options);
  try {
    await assertWritable(options);
    report.done(`${displayName(authority)}: ${authority.directory}`);
    await using storage = await openStorage(options, terminal, report);
    const manager = await commandManager({
      storage,
      configuration,
      terminal,
      report,
      issuers: [settings],
      prompt: promptForRecord(terminal, report),
    });
    const obtaining: Obtaining = {
      options,
      names,
      authority,
      fallbacks,
      issuer: settings.name,
      challenge,
      storage,
      manager,
      terminal,
      report,
    };
    const { chain, id } = await (isManageable(options) ? orderManaged : orderOnce)(obtaining);
    const warning = preferredChainWarning(chain, preferredChain);
    if (warning !== undefined) report.warn(warning);
    report.close();
    const [leaf] = parseChain(chain);
    if (!leaf) throw new CliError('ERR_CLI_INCOMPLETE', `${id} was removed by another process`);
    const result = {
      leaf,
      authority,
      certificate: options.certPath,
      privateKey: options.csr === undefined ? (options.key ?? options.keyPath) : undefined,
      second: secondFiles(options),
      isInDevice: options.key !== undefined,
      id,
    };
    terminal.stdout.write(
      formatResult({ text: resultText(result), document: resultDocument(result) }, options.output),
    );
  } finally {
    report.close();
  }
}

/** Returns the files of the second key; undefined where there is none. */
function secondFiles(options: ObtainOptions) {
  const { certPath, keyPath } = options;
  const [, second] = keyTypesOf(options);
  return (
    second && {
      certificate: pathOfSecondKey(certPath, second),
      privateKey: pathOfSecondKey(keyPath, second),
    }
  );
}

/** Reports whether a renewal can repeat an order without the person who runs this command. */
function isManageable(options: ObtainOptions): boolean {
  const { manage, csr, accountKey, notAfter, dnsProvider, configuration } = options;
  const isRepeatable = [csr, accountKey, notAfter].every((flag) => flag === undefined);
  return manage && isRepeatable && !isAttendedDnsProvider(dnsProvider, configuration);
}

/**
 * Makes sure that the configuration defines each deploy target, and that a certificate which is
 * deployed is renewed too: nothing deploys one that is not managed.
 * @throws CliError `ERR_CLI_USAGE`
 */
function assertDeployment(options: ObtainOptions): void {
  const { deployTo = [], configuration } = options;
  const names = Object.keys(configuration.values.deploy);
  const unknown = deployTo.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      `--deploy-to ${printable(unknown)} is not a deploy target of the configuration: write a table [deploy.NAME] in acmex.toml, or use one of ${names.join(', ') || 'none, as there are none'}`,
    );
  const { deployDirectory, deployHook, probe } = options;
  const flags = [
    ['--deploy-to', deployTo[0]],
    ['--deploy-directory', deployDirectory],
    ['--deploy-hook', deployHook],
    ['--probe', probe],
  ] as const;
  const [flag] = flags.find(([, value]) => value !== undefined) ?? [];
  if (flag !== undefined && !isManageable(options))
    throw new CliError(
      'ERR_CLI_USAGE',
      `${flag} is for certificates that are renewed, and this one is not: remove --no-manage or what else keeps it from being renewed, or remove ${flag}`,
    );
}

/**
 * Makes sure that two key types go together, and that a renewal can repeat them.
 * @throws OrchestratorError `ERR_ORCHESTRATOR_INPUT`; CliError `ERR_CLI_USAGE`
 */
function assertKeyTypes(options: ObtainOptions): void {
  const [keyType, secondKeyType] = keyTypesOf(options);
  assertKeyPair({ keyType, secondKeyType });
  if (secondKeyType !== undefined && !isManageable(options))
    throw new CliError(
      'ERR_CLI_USAGE',
      'a certificate with two key types is ordered and renewed as one, which only a managed one can be: use a single --key-type, or leave out what is not managed',
    );
}

/**
 * Makes sure that the files do not exist, unless `--force` permits to replace them.
 * @throws CliError `ERR_CLI_EXISTS`; DeployError `ERR_DEPLOY_TARGET` for a mode, user or group that
 * cannot be used
 */
async function assertWritable(options: ObtainOptions): Promise<void> {
  const { force, keyMode, owner, group } = options;
  await fileAttributes({ keyMode, owner, group });
  if (force) return;
  for (const path of writtenPaths(options)) {
    const exists = await access(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
    );
    if (exists)
      throw new CliError(
        'ERR_CLI_EXISTS',
        `${path} already exists: use another path, or --force to replace it`,
      );
  }
}
