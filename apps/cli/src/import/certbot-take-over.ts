import { join, resolve } from 'node:path';
import { errorCode } from '@acmex/errors';
import type { Omission } from '@acmex/import';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import { withManager } from '../managed/with-manager.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { type ReadingServer, serversReading } from './certbot-servers.ts';
import { howToStopCertbot } from './certbot-timer.ts';
import type { ImportOptions } from './options.ts';
import { type CertificateOutcome, failureText, linksResult } from './result.ts';
import { giveLinksBack, takeOverLinks } from './take-over.ts';

interface LinksContext {
  /** The directory of certbot. */
  readonly directory: string;
  readonly manager: ConfiguredManager;
  readonly dryRun: boolean;
}

/** Lets the links of certbot lead to files of AcmeX, for each certificate that is managed. */
export async function withTakenLinks(
  certificates: readonly CertificateOutcome[],
  context: LinksContext,
): Promise<readonly CertificateOutcome[]> {
  const outcomes: CertificateOutcome[] = [];
  for (const certificate of certificates) {
    const { result, id } = certificate;
    const isManaged = ['added', 'replaced', 'unchanged'].includes(result);
    const isReady = isManaged && (id !== undefined || context.dryRun);
    outcomes.push(isReady ? await withLinks(certificate, context) : certificate);
  }
  return outcomes;
}

async function withLinks(
  certificate: CertificateOutcome,
  context: LinksContext,
): Promise<CertificateOutcome> {
  const { name, id = '', taken, omitted } = certificate;
  try {
    const { folder } = await takeOverLinks(name, id, context);
    const readers = await serversReading(join(resolve(context.directory), 'live', name));
    return {
      ...certificate,
      taken: [...taken, { setting: 'live', value: `its links lead to ${folder}` }],
      omitted: [...omitted.filter(({ setting }) => setting !== 'live'), ...readers.map(toReload)],
    };
  } catch (error) {
    if (errorCode(error) !== 'ERR_IMPORT_TAKE_OVER') throw error;
    return { ...certificate, result: 'failed', error };
  }
}

function toReload({ server, file, reload }: ReadingServer): Omission {
  const reason = `${file} names the certificate: let renewal.hooks.after in acmex.toml run ${reload}`;
  return { setting: server, reason };
}

/** Says how to stop what still runs certbot on this machine. */
export async function warnOfTimer(report: Pick<Reporter, 'warn'>): Promise<void> {
  const ways = await howToStopCertbot();
  for (const way of ways) report.warn(`this machine still runs certbot: ${way}`);
  if (ways.length === 0) report.warn('this machine has no timer and no cron job of certbot');
}

/**
 * `acmex import certbot --undo`: gives the links of certbot back.
 * @returns whether all were given back
 */
export async function undoTakeOver(
  directory: string,
  options: ImportOptions,
  terminal: Terminal,
): Promise<boolean> {
  const { dryRun = false } = options;
  let areAllBack = true;
  await withManager(options, terminal, async (manager, report) => {
    const outcomes = await giveLinksBack({ directory, manager, dryRun });
    for (const { name, error } of outcomes) {
      if (error === undefined) continue;
      report.warn(failureText({ name, result: 'failed', error }) ?? '');
      areAllBack = false;
    }
    report.warn(
      outcomes.length === 0
        ? `this storage has taken over no links in ${resolve(directory)}`
        : 'AcmeX does not renew these certificates now: start the timer of certbot again, or continue here with acmex cert resume',
    );
    return linksResult(outcomes, dryRun);
  });
  return areAllBack;
}
