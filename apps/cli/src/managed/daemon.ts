import { http01Answers } from '@acmex/challenge/http-01';
import { tlsAlpn01Answers } from '@acmex/challenge/tls-alpn-01';
import { type Clock, systemClock } from '@acmex/clock';
import type { Config } from '@acmex/config';
import { errorCode, errorText, printable } from '@acmex/errors';
import { storedResponses, worker } from '@acmex/manager';
import type { Tended } from '@acmex/orchestrator';
import { inProcessQueue } from '@acmex/scheduler';
import { haveSameStorage } from '../configuration.ts';
import { CliError } from '../errors.ts';
import { openStorage } from '../open-storage.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import type { ConfiguredOutputOptions } from '../output.ts';
import { managed } from './managed.ts';
import { prepared } from './renew.ts';

export interface DaemonOptions extends ConfiguredOutputOptions {
  /** Seconds between two looks, at most. */
  readonly checkInterval: number;
  readonly concurrency: number;
  readonly perIssuer: number;
  /** Where http-01 is answered for everyone with the storage. */
  readonly answerHttp?: number;
  /** The same for tls-alpn-01. */
  readonly answerTls?: number;
}

/** What a stop may take: what runs may end by itself for a while, then it is parked where it is. */
const endsItself = { seconds: 15 };

/**
 * `acmex daemon`: keeps every certificate current until it is told to stop. It shares the storage with everything else, and
 * nothing more: several on one storage are safe.
 */
export async function daemon(
  options: DaemonOptions,
  terminal: Terminal,
  clock: Clock = systemClock,
): Promise<void> {
  const report = await reporter(terminal, options);
  const { signal } = terminal;
  try {
    await using storage = await openStorage(options, terminal, report);
    const open = async (configuration: Config) => {
      const parts = managed({ storage, configuration, terminal, report });
      await parts.hooks.check();
      await prepared(parts, { report, signal });
      return parts;
    };
    let keeping = await open(options.configuration);
    const queue = inProcessQueue({
      clock,
      onError: (id, error) => {
        if (!signal.aborted) report.warn(`${id}: ${told(error)}`);
      },
    });
    // What runs is stopped by the queue, after it had its time: the terminal's signal would stop it at once.
    await using working = worker({
      managers: () => new Map([['', keeping]]),
      queue,
      clock,
      concurrency: options.concurrency,
      perIssuer: options.perIssuer,
      interval: { seconds: options.checkInterval },
      onTended: (id, tended) => tell(id, tended, report),
      onDeployed: (id, deployed) => tell(id, deployed, report),
      onError: (what, error) => report.warn(`${what}: ${told(error)}`),
      onLate: (late) =>
        late
          ? report.warn(`${late.id} is due since ${late.dueAt}, and nothing is done for it`)
          : report.done('nothing is late anymore'),
    });
    await using answers =
      options.answerHttp === undefined
        ? undefined
        : await http01Answers({
            shared: storedResponses(storage, 'http-01'),
            port: options.answerHttp,
          });
    if (answers)
      report.done(`answering http-01 on port ${options.answerHttp} for everyone with this storage`);
    await using tlsAnswers =
      options.answerTls === undefined
        ? undefined
        : await tlsAlpn01Answers({
            shared: storedResponses(storage, 'tls-alpn-01'),
            port: options.answerTls,
          });
    if (tlsAnswers)
      report.done(
        `answering tls-alpn-01 on port ${options.answerTls} for everyone with this storage`,
      );
    const reload = async () => {
      try {
        const configuration = (await options.reconfigure?.()) ?? options.configuration;
        if (!haveSameStorage(configuration, keeping.config))
          throw new CliError('ERR_CLI_USAGE', 'the storage is another: that takes a restart');
        keeping = await open(configuration);
        report.done('the configuration is read anew');
        working.wake();
      } catch (error) {
        report.warn(
          `the new configuration is not used, the one before holds: ${told(error).replaceAll('\\u{a}', '\n')}`,
        );
      }
    };
    let reloading = Promise.resolve();
    const deaf = terminal.onHangup(() => {
      reloading = reloading.then(reload);
    });
    report.done(
      'keeping certificates current; SIGTERM ends it, SIGHUP reads the configuration anew',
    );
    await stopped(signal);
    deaf();
    await reloading;
    const parked = await working.stop({ within: endsItself });
    tellEnd(parked, report);
  } finally {
    report.close();
  }
}

function tell(
  id: string,
  { outcome, deployed, deployError }: Pick<Tended, 'outcome' | 'deployed' | 'deployError'>,
  report: Reporter,
): void {
  if (outcome?.state === 'failed')
    report.warn(`${id}: ${told(outcome.error)}; again at ${outcome.retryAt ?? 'no time'}`);
  else if (outcome && !outcome.elsewhere)
    report.done(`${id}: ${outcome.state === 'succeeded' ? 'renewed' : 'cancelled'}`);
  if (deployed === 'failed') report.warn(`${id}: issued, not deployed: ${told(deployError)}`);
  else if (deployed === 'done') report.done(`${id}: deployed`);
}

function tellEnd(parked: readonly string[], report: Reporter): void {
  if (parked.length > 0)
    report.warn(
      `${parked.length} were stopped on the way and go on when something works for them again: ${parked.slice(0, 10).join(', ')}`,
    );
  report.done('ended');
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (!signal.aborted)
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
}

function told(error: unknown): string {
  const code = errorCode(error);
  return `${printable(errorText(error), 2000)}${code === undefined ? '' : ` [${code}]`}`;
}
