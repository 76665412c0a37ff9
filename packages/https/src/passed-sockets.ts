import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { listenFailureText } from '@acmex/errors';
import { HttpsError } from './errors.ts';
import type { Place } from './options.ts';

/** The variables of an environment, as `process.env` has them. */
export type Environment = Record<string, string | undefined>;

/** A socket that listens already, as `listen` of `net.Server` takes it. */
export type PassedSocket = { readonly fd: number } | Server;

/** The sockets that were passed to this program, by what it uses them for. */
export interface PassedSockets {
  readonly https: readonly PassedSocket[];
  readonly http: readonly PassedSocket[];
}

/** The first file descriptor that is passed. sd_listen_fds(3) */
const firstDescriptor = 3;
const variables = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDNAMES'];

/**
 * Takes the listening sockets that systemd has passed to this process: those that are named `https`
 * and `http`, and of those without a name of the operator's those that are bound to the ports of
 * `place`. Sockets with further names are left to the program. The variables are removed, so that a
 * second call returns none, and no process that this one starts takes the sockets for its own.
 * @throws HttpsError `ERR_HTTPS_LISTEN` where there is none for HTTPS, or one cannot be used
 */
export async function takePassedSockets(
  environment: Environment,
  { pid, place }: { readonly pid: number; readonly place: Place },
): Promise<PassedSockets> {
  const { LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES = '' } = environment;
  const passed: { https: PassedSocket[]; http: PassedSocket[] } = { https: [], http: [] };
  if (LISTEN_PID !== String(pid)) return passed;
  for (const variable of variables) delete environment[variable];
  const names = LISTEN_FDNAMES.split(':');
  for (let index = 0; index < Number(LISTEN_FDS); index += 1) {
    const fd = firstDescriptor + index;
    const name = names[index] ?? '';
    if (name === 'https' || name === 'http') passed[name].push({ fd });
    else if (isDefaultName(name)) {
      const { use, socket } = await byPort(fd, place);
      passed[use].push(socket);
    }
  }
  if (passed.https.length > 0) return passed;
  throw new HttpsError(
    'ERR_HTTPS_LISTEN',
    `none of the ${LISTEN_FDS} sockets that systemd has passed is for HTTPS: set FileDescriptorName=https in its unit`,
  );
}

/** Returns why a port may be in use although sockets were passed: a different process has them. */
export function passedElsewhere({ LISTEN_FDS, LISTEN_PID }: Environment): string {
  return LISTEN_FDS === undefined
    ? ''
    : `; systemd has passed its sockets to process ${LISTEN_PID}, which is not this one: start node itself in ExecStart`;
}

/** Whether a name says nothing: that of the unit, or that of a manager without names. */
function isDefaultName(name: string): boolean {
  return name === '' || name === 'unknown' || name.endsWith('.socket');
}

/** Finds out what a socket is for. Who has the result must use it at once: it accepts clients. */
async function byPort(
  fd: number,
  place: Place,
): Promise<{ readonly use: 'https' | 'http'; readonly socket: Server }> {
  const socket = createServer();
  const failed = once(socket, 'listening');
  socket.listen({ fd });
  if (!socket.listening) {
    const cause: unknown = await failed.catch((error: unknown) => error);
    throw new HttpsError(
      'ERR_HTTPS_LISTEN',
      `the file descriptor ${fd}, which systemd has passed, cannot be listened on: ${listenFailureText(cause)}`,
      { cause },
    );
  }
  const address = socket.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  if (port === place.https) return { use: 'https', socket };
  if (port === place.http) return { use: 'http', socket };
  socket.close();
  throw new HttpsError(
    'ERR_HTTPS_LISTEN',
    `a socket that systemd has passed is bound to ${port === undefined ? String(address) : `port ${port}`}, which is neither of ports: set FileDescriptorName=https or =http in its unit`,
  );
}
