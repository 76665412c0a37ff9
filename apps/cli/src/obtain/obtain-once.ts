import { access } from 'node:fs/promises';
import { verifyIssued } from '@acmex/certificate';
import { AcmeClient } from '@acmex/client';
import { endsIn, resolveChallenge, serializeChallenge, solverFor } from '@acmex/manager';
import { challengeDefaults, configuredDnsProviders } from '@acmex/manager/from-config';
import { nodeFetch } from '@acmex/protocol/node';
import { called, chooseAuthority } from '../certificate-authority.ts';
import { CliError } from '../errors.ts';
import { openStorage } from '../open-storage.ts';
import { readText } from '../read-text.ts';
import { reporter, type Terminal } from '../terminal.ts';
import { type WaitingFile, waitingFile } from '../whole-file.ts';
import { byHand } from './by-hand.ts';
import type { ObtainOptions } from './options.ts';
import { openAccount } from './open-account.ts';
import { proofFrom } from './proof.ts';
import { certificateRequest, namesOf } from './request.ts';
import { formatResult } from '../output.ts';
import { loggingFetch, reportProgress, trackDisplay } from '../progress.ts';
import { resultDocument, resultText } from './result.ts';

/** `acmex obtain --no-manage`: from names to a certificate and its key in two files, and nothing is kept but the account. Whatever can fail on this side fails before the CA hears of it. */
export async function obtainOnce(options: ObtainOptions, terminal: Terminal): Promise<void> {
  const { env, signal, stdout, display } = terminal;
  const names = namesOf(options);
  const { configuration: config } = options;
  const authority = await chooseAuthority(options, config, env);
  const key =
    options.accountKey === undefined
      ? undefined
      : await readText(options.accountKey, 'the account key');
  const prefer = options.preferredChain ?? authority.preferredChain;
  const report = await reporter(terminal, options);
  try {
    const solver = await solverFor(
      resolveChallenge(serializeChallenge(proofFrom(options, env)), challengeDefaults(config)),
      {
        dnsProviders: configuredDnsProviders(config, {
          environment: env,
          prompt: byHand(terminal, report),
        }),
        ...(names.length > 0 ? { names: names.map(({ value }) => value) } : {}),
        onRecord: ({ name, persistUntil }) =>
          report.done(
            `the TXT record ${name} stands${persistUntil ? ` until ${persistUntil}` : ''}`,
          ),
      },
    );
    using fetch = nodeFetch({ ca: authority.caCertificate });
    await using keyFile =
      options.csr === undefined ? await place(options.keyPath, 0o600, options) : undefined;
    await using certificateFile = await place(options.certPath, 0o644, options);
    report.done(`${called(authority)}: ${authority.directory}`);
    report.working('making the request');
    const request = await certificateRequest(names, options);
    await using storage = await openStorage(options, terminal, report);
    const session = await openAccount(authority, {
      storage,
      fetch: loggingFetch(fetch, report),
      report,
      signal,
      key,
    });
    const { pem } = await new AcmeClient({ session, solvers: [solver] }).issue(
      {
        identifiers: request.identifiers,
        csr: request.csr,
        profile: options.profile ?? authority.profile,
        notAfter: options.notAfter,
        prefer: prefer === undefined ? undefined : endsIn(prefer),
      },
      {
        signal,
        onProgress: (progress) => {
          trackDisplay(display, progress);
          reportProgress(report, progress);
        },
      },
    );
    const issued = await verifyIssued(pem, request);
    if (prefer !== undefined && !endsIn(prefer)(issued.pem))
      report.warn(`no chain of the CA ends in "${prefer}": its first is used`);
    // The key first: a certificate without its key is of no use, a key without its certificate does no harm.
    if (request.privateKey && keyFile) await commitSecret(keyFile, await request.privateKey());
    await certificateFile.commit(issued.pem);
    report.close();
    const result = {
      leaf: issued.leaf,
      authority,
      certificate: options.certPath,
      privateKey: keyFile && options.keyPath,
    };
    stdout.write(
      formatResult({ text: resultText(result), document: resultDocument(result) }, options.output),
    );
  } finally {
    report.close();
  }
}

/** A place for a file that does not exist yet, or that may be replaced. */
export async function place(
  path: string,
  mode: 0o600 | 0o644,
  { force }: ObtainOptions,
): Promise<WaitingFile> {
  if (
    !force &&
    (await access(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
    ))
  ) {
    throw new CliError(
      'ERR_CLI_EXISTS',
      `${path} exists already: choose another path, or give --force to replace it`,
    );
  }
  return await waitingFile(path, mode);
}

async function commitSecret(file: WaitingFile, bytes: Uint8Array): Promise<void> {
  try {
    await file.commit(bytes);
  } finally {
    bytes.fill(0);
  }
}
