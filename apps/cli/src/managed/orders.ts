import { errorText, printable } from '@acmex/errors';
import type { OrderStatus } from '@acmex/orchestrator';
import { CliError } from '../errors.ts';
import type { Terminal } from '../terminal.ts';
import { type ConfiguredOutputOptions, type Row, table } from '../output.ts';
import { withManager } from './with-manager.ts';

const rowOf = ({ id, state, cause, createdAt, names, certificate }: OrderStatus): Row => ({
  id,
  state,
  cause,
  created: createdAt,
  certificate,
  names: names.map((name) => printable(name, 255)).join(' '),
});
/** Without what only the client's own code means. */
const documentOf = (order: OrderStatus) => ({
  ...order,
  issuance: undefined,
  csr: undefined,
  publicKey: undefined,
});

/** `acmex order list` */
export async function orderList(
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async ({ provisioner }, report) => {
    const all: OrderStatus[] = [];
    for await (const one of provisioner.orders({
      signal: terminal.signal,
      onCorrupt: ({ message }) => report.warn(message),
    }))
      all.push(one);
    const rows = all.map(rowOf);
    if (rows.length === 0) report.done('nothing was ordered in this storage yet');
    return { text: table(rows), document: all.map(documentOf), rows };
  });
}

/** `acmex order show` */
export async function orderShow(
  id: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async ({ provisioner }) => {
    const order = await provisioner.status(id);
    const { failure } = order;
    const lines: readonly (readonly [string, string | undefined])[] = [
      ['id', order.id],
      ['state', order.state],
      ['cause', order.cause],
      ['certificate', order.certificate],
      ['names', order.names.map((name) => printable(name, 255)).join(' ')],
      ['at the CA', order.url && printable(order.url, 500)],
      [
        'orphaned',
        order.orphaned > 0 ? `${order.orphaned} orders may lie unused at the CA` : undefined,
      ],
      ...order.steps.map(({ at, type, name, message }): readonly [string, string] => [
        '',
        [at, type, name, message]
          .filter((part) => part !== undefined)
          .map((part) => printable(part, 500))
          .join('  '),
      ]),
      ['failed', failure && `${failure.at}: ${printable(failure.message, 2000)} [${failure.code}]`],
      ['again', order.state === 'pending' ? failure?.retryAt : undefined],
    ];
    return {
      text: lines
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name.padEnd(11)} ${value}`)
        .join('\n'),
      document: documentOf(order),
      rows: [rowOf(order)],
    };
  });
}

/** `acmex order cancel`: says so in the record, and ends it at once where nobody else works on it. */
export async function orderCancel(
  id: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async ({ provisioner }) => {
    await provisioner.cancel(id);
    const { state } = await provisioner.execute(id, { signal: terminal.signal });
    if (state !== 'cancelled')
      throw new CliError('ERR_CLI_INCOMPLETE', `${id} had ${state} before it could be cancelled`);
    return {
      text: `${id} is cancelled, and nothing of it is on display`,
      document: documentOf(await provisioner.status(id)),
    };
  });
}

/** `acmex order retry`: now, not when its time has come. */
export async function orderRetry(
  id: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async ({ provisioner, tend, finish }) => {
    const { certificate } = await provisioner.status(id);
    await provisioner.certificates.get(certificate);
    const {
      order = id,
      outcome,
      deployError,
    } = await tend(certificate, { signal: terminal.signal, force: 'renewal' });
    const [finished] = await finish({ signal: terminal.signal });
    if (outcome?.state === 'failed') throw outcome.error;
    const error = deployError ?? finished?.deployError;
    if (error !== undefined)
      throw new CliError(
        'ERR_CLI_NOT_DEPLOYED',
        `${certificate} was issued and lies in the storage, but not where it is used: ${errorText(error)}`,
        { cause: error },
      );
    const now = await provisioner.status(order);
    return { text: `${order} has ${now.state}`, document: documentOf(now) };
  });
}
