import { errorText, printable } from '@acmex/errors';
import type { OrderStatus } from '@acmex/orchestrator';
import { CliError } from '../errors.ts';
import type { Terminal } from '../terminal.ts';
import { type ConfiguredOutputOptions, type Row, table } from '../output.ts';
import { printableNames } from './certificates.ts';
import { reportIssued, withinRun } from './run.ts';
import { withManager } from './with-manager.ts';

function rowOf(order: OrderStatus): Row {
  const { id, state, cause, createdAt, certificate } = order;
  return { id, state, cause, created: createdAt, certificate, names: printableNames(order) };
}

/** Returns an order without the fields that only the client reads. */
function toDocument(order: OrderStatus): object {
  return { ...order, issuance: undefined, csr: undefined, publicKey: undefined };
}

/** `acmex order list`: lists all orders. */
export async function orderList(
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async ({ provisioner }, report) => {
    const orders: OrderStatus[] = [];
    for await (const order of provisioner.orders({
      signal: terminal.signal,
      onCorrupt: ({ message }) => report.warn(message),
    }))
      orders.push(order);
    const rows = orders.map(rowOf);
    if (rows.length === 0) report.done('this storage has no orders');
    return { text: table(rows), document: orders.map(toDocument), rows };
  });
}

/** `acmex order show`: shows an order and its steps. */
export async function orderShow(
  id: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async ({ provisioner }) => {
    const order = await provisioner.status(id);
    return {
      text: linesOf(order)
        .filter(([, value]) => value !== undefined)
        .map(([label, value]) => `${label.padEnd(11)} ${value}`)
        .join('\n'),
      document: toDocument(order),
      rows: [rowOf(order)],
    };
  });
}

function linesOf(order: OrderStatus): readonly (readonly [string, string | undefined])[] {
  const { id, state, cause, certificate, url, orphaned, steps, failure, records = [] } = order;
  return [
    ['id', id],
    ['state', state],
    ['cause', cause],
    ['certificate', certificate],
    ['names', printableNames(order)],
    ['at the CA', url && printable(url, 500)],
    ['orphaned', orphaned > 0 ? `up to ${orphaned} unused orders at the CA` : undefined],
    ...steps.map(({ at, type, name, message }): readonly [string, string] => [
      '',
      [at, type, name, message]
        .filter((field) => field !== undefined)
        .map((field) => printable(field, 500))
        .join('  '),
    ]),
    ...records.map((record): readonly [string, string] => [
      'record',
      `${record.state}  ${printable(record.name, 255)} TXT "${printable(record.value, 255)}"`,
    ]),
    ['set until', order.recordsUntil],
    ['failed', failure && `${failure.at}: ${printable(failure.message, 2000)} [${failure.code}]`],
    ['retry', state === 'pending' ? failure?.retryAt : undefined],
  ];
}

/**
 * `acmex order cancel`: marks an order as cancelled, and ends it now unless another process is
 * working on it.
 */
export async function orderCancel(
  id: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async ({ provisioner }) => {
    await provisioner.cancel(id);
    const { state } = await provisioner.execute(id, { signal: terminal.signal });
    if (state !== 'cancelled')
      throw new CliError('ERR_CLI_INCOMPLETE', `${id} ${state} before it could be cancelled`);
    return {
      text: `${id} is cancelled, and its challenge responses are removed`,
      document: toDocument(await provisioner.status(id)),
    };
  });
}

/** `acmex order retry`: retries an order now, before its time. */
export async function orderRetry(
  id: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async (manager, report) => {
    const { provisioner } = manager;
    const { certificate } = await provisioner.status(id);
    await provisioner.certificates.get(certificate);
    const { result, finished } = await withinRun(
      { manager, report },
      async () =>
        await manager.maintain(certificate, { signal: terminal.signal, force: 'renewal' }),
    );
    const { order = id, outcome, deployError } = result;
    reportIssued(certificate, outcome, report);
    if (outcome?.state === 'failed') throw outcome.error;
    const error = deployError ?? finished[0]?.deployError;
    if (error !== undefined)
      throw new CliError(
        'ERR_CLI_NOT_DEPLOYED',
        `${certificate} was issued and stored, but not deployed: ${errorText(error)}`,
        { cause: error },
      );
    const now = await provisioner.status(order);
    return { text: `${order} ${now.state}`, document: toDocument(now) };
  });
}
