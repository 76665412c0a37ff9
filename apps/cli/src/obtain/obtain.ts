import { resolve } from 'node:path';
import { parseChain } from '@acmex/certificate';
import { dnsVariablesRecord } from '@acmex/config';
import { errorText, printable } from '@acmex/errors';
import {
  deployRecord,
  type DeployStep,
  endsIn,
  declareCertificate,
  issuerName,
  resolveChallenge,
  serializeChallenge,
  saveCredentials,
  savedCredentials,
  solverFor,
  type WantedCertificate,
} from '@acmex/manager';
import {
  challengeDefaults,
  configuredDnsProviders,
  type ConfiguredManager,
} from '@acmex/manager/from-config';
import type { Declaration, ManagedCertificate, SpecKey } from '@acmex/orchestrator';
import type { Identifier } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import type { Storage } from '@acmex/storage';
import { called, type CertificateAuthority, chooseAuthority } from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import { managed } from '../managed/managed.ts';
import { openStorage } from '../open-storage.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { isByHand } from './by-hand.ts';
import { obtainOnce, place } from './obtain-once.ts';
import { openAccount } from './open-account.ts';
import type { ObtainOptions } from './options.ts';
import { proofFrom } from './proof.ts';
import { namesOf } from './request.ts';
import { formatResult } from '../output.ts';
import { loggingFetch } from '../progress.ts';
import { resultDocument, resultText } from './result.ts';

/** `acmex obtain`: from names to a certificate that is kept current, in the storage and in two files. */
export async function obtain(options: ObtainOptions, terminal: Terminal): Promise<void> {
  const once = options.manage ? whyOnce(options) : '--no-manage';
  if (once !== undefined) return await obtainOnce(options, terminal);
  const names = namesOf(options);
  const { configuration: config } = options;
  const authority = await chooseAuthority(options, config, terminal.env);
  const proof = proofFrom(options, terminal.env);
  await solverFor(resolveChallenge(serializeChallenge(proof), challengeDefaults(config)), {
    dnsProviders: configuredDnsProviders(config, { environment: terminal.env }),
    names: names.map(({ value }) => value),
  });
  const prefer = options.preferredChain ?? authority.preferredChain;
  const report = await reporter(terminal, options);
  try {
    using fetch = nodeFetch({ ca: authority.caCertificate });
    for (const path of [options.keyPath, options.certPath])
      await (await place(path, 0o600, options))[Symbol.asyncDispose]();
    report.done(`${called(authority)}: ${authority.directory}`);
    await using storage = await openStorage(options, terminal, report);
    await keepCredentials(options, terminal.env, storage);
    const session = await openAccount(authority, {
      storage,
      fetch: loggingFetch(fetch, report),
      report,
      signal: terminal.signal,
    });
    const parts = managed({
      storage,
      configuration: config,
      terminal,
      report,
      session: { issuer: issuerName(authority), session },
    });
    await parts.hooks.check();
    const { id, current } = await issued(
      parts,
      specOf(options, {
        names,
        authority,
        proof: serializeChallenge({ ...proof, preferredChain: prefer }),
      }),
      { options, terminal, report },
    );
    const chain =
      (await parts.provisioner.certificates.generation(id, current?.generation ?? 0))?.chain ?? '';
    const [leaf] = parseChain(chain);
    if (!leaf) throw new CliError('ERR_CLI_FILE', `${id} was removed while it was obtained`);
    if (prefer !== undefined && !endsIn(prefer)(chain))
      report.warn(`no chain of the CA ends in "${prefer}": its first is used`);
    report.close();
    const result = {
      leaf,
      authority,
      certificate: options.certPath,
      privateKey: options.keyPath,
      id,
    };
    terminal.stdout.write(
      formatResult({ text: resultText(result), document: resultDocument(result) }, options.output),
    );
  } finally {
    report.close();
  }
}

/** What nothing of ours could renew. */
function whyOnce({
  csr,
  accountKey,
  notAfter,
  dnsProvider,
  configuration,
}: ObtainOptions): string | undefined {
  return [
    [csr, '--csr'],
    [accountKey, '--account-key'],
    [notAfter, '--not-after'],
    [isByHand(dnsProvider, configuration) ? dnsProvider : undefined, '--dns-provider manual'],
  ].find(([value]) => value !== undefined)?.[1];
}

function specOf(
  { keyType, mustStaple, ...options }: ObtainOptions,
  {
    names,
    authority,
    proof,
  }: {
    readonly names: readonly Identifier[];
    readonly authority: CertificateAuthority;
    readonly proof: WantedCertificate['proof'];
  },
): WantedCertificate {
  return {
    names: names.map(({ value }) => value),
    issuer: authority,
    profile: options.profile ?? authority.profile,
    keyType,
    mustStaple,
    proof,
    deploy: deployRecord(deployOf(options)),
  };
}

/** Where it goes, in absolute paths: a renewal has another working directory. */
function deployOf({
  certPath,
  keyPath,
  deployDirectory,
  deployHook,
  probe,
}: Pick<
  ObtainOptions,
  'certPath' | 'keyPath' | 'deployDirectory' | 'deployHook' | 'probe'
>): readonly DeployStep[] {
  return [
    { certPath: resolve(certPath), keyPath: resolve(keyPath) },
    ...(deployDirectory === undefined ? [] : [{ directory: resolve(deployDirectory) }]),
    ...(deployHook === undefined
      ? []
      : [{ hook: deployHook.split(/\s+/).filter((word) => word !== '') }]),
    ...(probe === undefined ? [] : [{ probe }]),
  ];
}

/** A timer has another environment than this shell: what a renewal needs of it is kept now, or the certificate is not begun. */
async function keepCredentials(
  { dnsEnv = [], dnsProvider, saveCredentials: save = false, configuration: config }: ObtainOptions,
  environment: NodeJS.ProcessEnv,
  storage: Storage,
): Promise<void> {
  const recorded = dnsVariablesRecord(dnsProvider, { config, environment }) ?? {};
  const own = Object.entries(recorded)
    .filter(([, value]) => value === null)
    .map(([name]) => [name, environment[name] ?? '']);
  const programs =
    dnsEnv.length > 0
      ? (await import('@acmex/dns-hooks')).environment({ from: environment, allow: dnsEnv })
      : {};
  const here: Readonly<Record<string, string>> = { ...programs, ...Object.fromEntries(own) };
  if (save) return await saveCredentials(storage, here);
  const kept = await savedCredentials(storage);
  const unseen = Object.keys(here).filter((name) => kept[name] !== here[name]);
  if (unseen.length === 0) return;
  const [stand, them] = unseen.length === 1 ? ['stands', 'it'] : ['stand', 'them'];
  throw new CliError(
    'ERR_CLI_USAGE',
    `${unseen.join(', ')} ${stand} in this shell alone, and a timer that renews will not see ${them}: give --save-credentials to keep ${them} in the storage, or --no-manage to renew by yourself`,
  );
}

/** Orders the certificate, unless it is there, current and as wanted, and puts it into its files. */
async function issued(
  manager: ConfiguredManager,
  wanted: WantedCertificate,
  {
    options,
    terminal: { signal },
    report,
  }: { readonly options: ObtainOptions; readonly terminal: Terminal; readonly report: Reporter },
): Promise<ManagedCertificate> {
  const { certificates } = manager.provisioner;
  const declaration = await declareCertificate(manager, wanted, {
    onFailure: 'end',
    order: options.force ? 'always' : 'if-needed',
    deployAgain: true,
    paused: 'resume',
  });
  const { id } = declaration.certificate;
  report.done(declarationText(declaration));
  await executeOrder(declaration, { provisioner: manager.provisioner, signal, report });
  const maintained = await manager.maintain(id, { signal });
  const { deployed, deployError } =
    (await manager.finish({ signal })).find(({ certificate }) => certificate === id) ?? maintained;
  if (deployed === 'failed')
    throw new CliError(
      'ERR_CLI_NOT_DEPLOYED',
      `${id} was issued and is in the storage, but not in its files: ${errorText(deployError)}`,
      { cause: deployError },
    );
  return await certificates.get(id);
}

function declarationText(declaration: Declaration): string {
  const { names, current, order } = declaration.certificate;
  const subject = names.join(', ');
  const changes = 'differences' in declaration ? declaration.differences.map(wordOf) : [];
  const change = changes.length > 0 ? `changed ${changes.join(', ')}; ` : '';
  if (order !== undefined) return `${subject}: ${change}${current ? 'ordered again' : 'ordered'}`;
  return `${subject}: ${change}current until ${current?.notAfter}, not ordered again; --force orders it`;
}

const words: Readonly<Partial<Record<SpecKey, string>>> = {
  issuer: 'CA',
  keyType: 'key type',
  mustStaple: 'Must-Staple',
  proof: 'challenge',
  deploy: 'deployment',
};
const wordOf = (key: SpecKey): string => words[key] ?? key;

/** Does the work of the order that is under way for a certificate, if there is one. */
async function executeOrder(
  { change, certificate: { order } }: Declaration,
  {
    provisioner,
    signal,
    report,
  }: {
    readonly provisioner: ConfiguredManager['provisioner'];
    readonly signal: AbortSignal;
    readonly report: Reporter;
  },
): Promise<void> {
  if (order === undefined) return;
  try {
    const outcome = await provisioner.execute(order, { signal });
    if (outcome.state === 'failed') throw outcome.error;
    if (outcome.state === 'cancelled')
      throw new CliError('ERR_CLI_INCOMPLETE', `the order ${order} was cancelled from elsewhere`);
  } catch (error) {
    // Nothing is left of a first order that its user interrupts.
    if (signal.aborted && change === 'created')
      await provisioner
        .cancel(order)
        .then(() => provisioner.execute(order))
        .catch((failure: unknown) =>
          report.warn(`the order ${order} could not be cancelled: ${printable(String(failure))}`),
        );
    throw error;
  }
}
