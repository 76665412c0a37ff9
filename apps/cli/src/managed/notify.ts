import { errorText, printable } from '@acmex/errors';
import type { Delivery, Notifier } from '@acmex/notifications';
import { type NotificationType, notificationTypes } from '@acmex/orchestrator';
import { CliError } from '../errors.ts';
import { codeOf, exitCodeOf } from '../exit-code.ts';
import { type Row, table } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { type TenantOptions, withManager } from './with-manager.ts';

export interface NotifyTestOptions extends TenantOptions {
  readonly event?: string;
  readonly channel?: string;
}

/**
 * `acmex notify test`: sends a test message to a receiver, or to all, and shows what each answered.
 * @returns the exit code: 0, that of the only kind of failure, or 9 for several kinds
 */
export async function notifyTest(
  name: string | undefined,
  options: NotifyTestOptions,
  terminal: Terminal,
): Promise<number> {
  let exitCode = 0;
  const { channel } = options;
  if (name !== undefined && channel !== undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'name the receiver once: as the argument or with --channel',
    );
  const event = eventType(options.event);
  await withManager(options, terminal, async ({ notifier }, report) => {
    const codes = new Set<number>();
    const rows: Row[] = [];
    for (const receiver of receiversOf(notifier, name ?? channel)) {
      try {
        const { status, answer } = await notifier.test(receiver, {
          event,
          signal: terminal.signal,
        });
        rows.push({ receiver, result: 'accepted', status, answer });
      } catch (error) {
        terminal.signal.throwIfAborted();
        codes.add(exitCodeOf(error));
        report.warn(`${printable(receiver, 50)}: ${printable(errorText(error), 2000)}`);
        rows.push({ receiver, result: 'failed', error: codeOf(error) });
      }
    }
    const [code = 0] = codes;
    exitCode = codes.size > 1 ? 9 : code;
    return { text: table(rows), document: rows, rows };
  });
  return exitCode;
}

/** @throws CliError `ERR_CLI_USAGE` for a name that no event has */
function eventType(name: string | undefined): NotificationType | undefined {
  const type = notificationTypes.find((candidate) => candidate === name);
  if (name === undefined || type !== undefined) return type;
  throw new CliError(
    'ERR_CLI_USAGE',
    `there is no event ${printable(name, 50)}: use one of ${notificationTypes.join(', ')}`,
  );
}

/** @throws CliError `ERR_CLI_USAGE` where the configuration has no receiver */
function receiversOf({ receivers }: Notifier, name: string | undefined): readonly string[] {
  if (receivers.length === 0)
    throw new CliError(
      'ERR_CLI_USAGE',
      'the configuration has no receiver: add [[notifications.webhooks]] or [[notifications.email]] to acmex.toml',
    );
  return name === undefined ? receivers : [name];
}

function rowOf({ id, state, receiver, attempts, nextAt, failure, notification }: Delivery): Row {
  return {
    id,
    state,
    receiver: printable(receiver, 50),
    attempts,
    next: state === 'waiting' ? nextAt : undefined,
    code: failure?.code,
    title: printable(notification.title, 500),
  };
}

/** `acmex notify list`: shows the notifications that wait, and the dead letters. */
export async function notifyList(options: TenantOptions, terminal: Terminal): Promise<void> {
  await withManager(options, terminal, async ({ notifier }, report) => {
    const deliveries: Delivery[] = [];
    for await (const delivery of notifier.deliveries()) deliveries.push(delivery);
    if (deliveries.length === 0) report.done('no notification waits, and there is no dead letter');
    const rows = deliveries.map(rowOf);
    const causes = deliveries.flatMap(({ id, failure }) =>
      failure ? [`${id}  ${printable(failure.message, 2000)}`] : [],
    );
    const text = [table(rows), ...(causes.length > 0 ? [causes.join('\n')] : [])].join('\n\n');
    return { text, document: deliveries, rows };
  });
}

/**
 * `acmex notify replay`: makes dead letters wait again, and sends what waits.
 * @param ids those of the flags or arguments; none only with `all`
 */
export async function notifyReplay(
  ids: readonly string[],
  options: TenantOptions & { readonly all?: boolean },
  terminal: Terminal,
): Promise<void> {
  if ((ids.length === 0) !== (options.all === true))
    throw new CliError('ERR_CLI_USAGE', 'name the dead letters by their ids, or use --all');
  await withManager(options, terminal, async ({ notifier }) => {
    let count = 0;
    for (const id of options.all ? [undefined] : ids) count += await notifier.replay(id);
    await notifier.notify({ signal: terminal.signal });
    return { text: `replayed: ${count}`, document: { replayed: count } };
  });
}
