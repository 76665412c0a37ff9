import { connect } from 'node:net';
import { type Clock, type DurationInput, systemClock, withTimeLimit } from '@acmex/clock';
import { DeployError, type TargetCallOptions } from '@acmex/deploy';
import { fileErrorText } from '@acmex/files';
import { formatHostPort, type HostPort } from '@acmex/identifier';

/** Where HAProxy's stats socket is: a UNIX socket, or a port of this machine. */
export type RuntimeApiAddress = { readonly path: string } | HostPort;

export interface RuntimeApiOptions {
  readonly address: RuntimeApiAddress;
  /** For one command; 10 seconds by default. */
  readonly limit?: DurationInput | undefined;
  readonly clock?: Clock | undefined;
}

/** Runs one command, and returns what HAProxy answers. */
export type RuntimeApi = (command: string, options: TargetCallOptions) => Promise<string>;

/** At most this much of an answer is read, in UTF-16 code units. */
const longestAnswer = 1024 * 1024;

/**
 * Returns what runs commands at the stats socket of HAProxy. Each has a connection of its own, which
 * HAProxy closes after its answer.
 * @see https://docs.haproxy.org/2.6/management.html#9.3
 * @returns a function that rejects with DeployError: `ERR_DEPLOY_CREDENTIALS` where the socket does
 * not permit the command, `ERR_DEPLOY_UNREACHABLE` where there is no answer
 */
export function runtimeApi({
  address,
  limit = 'PT10S',
  clock = systemClock,
}: RuntimeApiOptions): RuntimeApi {
  const place = 'path' in address ? address.path : formatHostPort(address);
  return async (command, { signal }) => {
    const answer = await withTimeLimit({ clock, limit, signal }, (limited) =>
      exchange(address, `${command}\n`, limited),
    ).catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw new DeployError(
        'ERR_DEPLOY_UNREACHABLE',
        `the socket ${place} cannot be used (${fileErrorText(cause)}): start HAProxy, or correct socket`,
        { cause },
      );
    });
    if (answer.trim() === 'Permission denied')
      throw new DeployError(
        'ERR_DEPLOY_CREDENTIALS',
        `the socket ${place} permits no changes: write "level admin" on its line of the configuration`,
      );
    if (answer !== '') return answer.trim();
    throw new DeployError(
      'ERR_DEPLOY_UNREACHABLE',
      `the socket ${place} gave no answer: a certificate with its chain and its key must fit into tune.bufsize of HAProxy, 16384 bytes by default`,
    );
  };
}

function exchange(address: RuntimeApiAddress, text: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    const abort = () => socket.destroy(new Error('the time limit is over'));
    let answer = '';
    signal.addEventListener('abort', abort, { once: true });
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => {
        if (answer.length < longestAnswer) answer += chunk;
      })
      .on('error', reject)
      .on('close', () => {
        signal.removeEventListener('abort', abort);
        resolve(answer);
      })
      .write(text);
  });
}
