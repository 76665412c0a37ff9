import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { opened } from './opened.ts';
import { startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** An rsyslogd on 127.0.0.1. Its data is removed when it is disposed of. */
export interface Rsyslog extends AsyncDisposable {
  readonly tcpPort: number;
  readonly udpPort: number;
  /** The file with what it receives, in its usual form: one line for each message. */
  readonly file: string;
}

/**
 * Starts rsyslogd on free ports, for TCP and UDP.
 * @throws ProgramError with the log when it does not start
 */
export async function startRsyslog(): Promise<Rsyslog> {
  const resources = opened();
  try {
    const folder = resources.use(await temporaryFolder('rsyslog'));
    const [tcpPort, udpPort] = [await freePort(), await freePort()];
    const [file, configuration] = ['received', 'rsyslog.conf'].map((name) =>
      join(folder.path, name),
    ) as [string, string];
    await writeFile(
      configuration,
      [
        `global(workDirectory="${folder.path}" shutdown.queue.timeout="1000")`,
        'module(load="imtcp")',
        'module(load="imudp")',
        `input(type="imtcp" port="${tcpPort}" address="127.0.0.1")`,
        `input(type="imudp" port="${udpPort}" address="127.0.0.1")`,
        `action(type="omfile" file="${file}")`,
        '',
      ].join('\n'),
    );
    resources.use(
      await startProgram({
        command: 'rsyslogd',
        args: ['-n', '-f', configuration, '-i', join(folder.path, 'pid')],
        ready: () => true,
        // It says nothing when it is at work.
        answers: async ({ signal }) => {
          const socket = connect(tcpPort, '127.0.0.1');
          await once(socket, 'connect', { signal }).finally(() => socket.destroy());
        },
      }),
    );
    return { tcpPort, udpPort, file, [Symbol.asyncDispose]: () => resources.close() };
  } catch (error) {
    await resources.close();
    throw error;
  }
}
