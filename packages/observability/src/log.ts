import { AsyncLocalStorage } from 'node:async_hooks';
import { errorCode, errorText, printable } from '@acmex/errors';
import { type Issuer, traceIdOf } from '@acmex/orchestrator';
import type { AcmeExchange } from '@acmex/protocol';
import type { TracedTask } from './tracing/tracing.ts';

/** One line of a log. */
export interface LogEntry {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  /** For a person. Text from elsewhere in it has been made `printable`. */
  readonly msg: string;
  /** The package whose work it is about: `@acmex/protocol`; that of the program by default. */
  readonly package?: string | undefined;
  /** The code of an error. */
  readonly code?: string | undefined;
  /** The trace of the order that it is about, in hexadecimal. W3C Trace Context §3.2.2.3 */
  readonly traceId?: string | undefined;
  /** The id of the certificate that it is about: `crt_…`. */
  readonly certificate?: string | undefined;
  /** The id of the order that it is about: `ord_…`. */
  readonly order?: string | undefined;
  /** What has happened, in one word: a step of an order, or the outcome of a task. */
  readonly event?: string | undefined;
  readonly [field: string]: unknown;
}

/** Takes the lines of a log. It must not throw. */
export type Log = (entry: LogEntry) => void;

/** Logs an error that the program recovers from, as a warning. */
export function logError(
  log: Log,
  subject: string,
  error: unknown,
  fields: Omit<LogEntry, 'level' | 'msg'> = {},
): void {
  const code = errorCode(error);
  log({
    level: 'warn',
    msg: `${subject}: ${printable(errorText(error), 2000)}`,
    ...(code === undefined ? {} : { code }),
    ...fields,
  });
}

/** What a certificate manager is created with, so that its work is logged. */
export interface LoggedManager {
  watchTask<T>(task: TracedTask, work: () => Promise<T>): Promise<T>;
  watchIssuer<I extends Issuer>(issuer: I): I;
  onExchange(exchange: AcmeExchange, issuer: string): void;
}

/** A log whose lines inside of a task name the task. */
export interface TaskLog {
  readonly log: Log;
  /** Adds the log to what already watches a certificate manager. */
  watching<W extends Partial<LoggedManager>>(watch: W): LoggedManager & W;
}

/** What each line inside of a task has. */
interface TaskFields {
  readonly certificate: string;
  traceId?: string | undefined;
}

/**
 * Returns a log for the work on certificates: each line that is written inside of a task has its
 * `certificate` and `traceId`, whatever part of the program writes it. Requests to CAs and steps of
 * orders are lines of the level `debug`.
 */
export function taskLog(parent: Log): TaskLog {
  const tasks = new AsyncLocalStorage<TaskFields>();
  const log: Log = (entry) => parent({ ...tasks.getStore(), ...entry });
  return {
    log,
    watching: (watch) => ({
      ...watch,
      watchTask: async ({ certificate, traceparent }, work) => {
        const fields: TaskFields = { certificate, ...traceFields(traceparent) };
        const watched = watch.watchTask;
        return await tasks.run(
          fields,
          async () => await (watched ? watched({ certificate, traceparent }, work) : work()),
        );
      },
      watchIssuer: (issuer) =>
        loggedIssuer(watch.watchIssuer?.(issuer) ?? issuer, {
          log,
          onTrace: (traceparent) => Object.assign(tasks.getStore() ?? {}, traceFields(traceparent)),
        }),
      onExchange(exchange, issuer) {
        watch.onExchange?.(exchange, issuer);
        logExchange(log, exchange, issuer);
      },
    }),
  };
}

function traceFields(traceparent: string | undefined): { readonly traceId?: string } {
  const traceId = traceIdOf(traceparent);
  return traceId === undefined ? {} : { traceId };
}

function loggedIssuer<I extends Issuer>(
  issuer: I,
  {
    log,
    onTrace,
  }: { readonly log: Log; readonly onTrace: (traceparent: string | undefined) => void },
): I {
  return {
    ...issuer,
    issue: async (request, options) => {
      onTrace(options.traceparent);
      const onStep: typeof options.onStep = (step) => {
        const name = step.name === undefined ? '' : `${printable(step.name, 255)}: `;
        const msg = `${name}${step.type}${step.challenge === undefined ? '' : ` by ${step.challenge}`}`;
        log({
          ...{ level: 'debug', package: '@acmex/client', event: step.type, msg },
          ...{ issuer: issuer.name, ...traceFields(options.traceparent) },
        });
        options.onStep?.(step);
      };
      return await issuer.issue(request, { ...options, onStep });
    },
  };
}

function logExchange(log: Log, exchange: AcmeExchange, issuer: string): void {
  const { operation, status, problem, milliseconds } = exchange;
  const refusal = problem === undefined ? '' : ` ${printable(problem, 100)}`;
  log({
    level: 'debug',
    package: '@acmex/protocol',
    msg: `${issuer} ${operation}: ${status ?? 'no answer'}${refusal} after ${Math.round(milliseconds)} ms`,
    issuer,
  });
}
