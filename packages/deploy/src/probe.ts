import { isIP } from 'node:net';
import { connect } from 'node:tls';
import {
  type Clock,
  type DurationInput,
  milliseconds,
  systemClock,
  withTimeLimit,
} from '@acmex/clock';
import { DeployError } from './errors.ts';

/** The server that should serve a certificate. */
export interface ProbeOptions {
  readonly host: string;
  readonly port: number;
  /** The name in the handshake; `host` by default. */
  readonly serverName?: string | undefined;
  /** How long a server may take to read its files again; 30 seconds by default. */
  readonly within?: DurationInput | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Waits until a server serves the certificate with a serial number. Trust is not checked.
 *
 * @throws DeployError `ERR_DEPLOY_PROBE` with what the server served instead
 */
export async function probe(
  serialNumber: string,
  { host, port, serverName = host, within = 'PT30S', signal, clock = systemClock }: ProbeOptions,
): Promise<void> {
  const end = clock.monotonic() + milliseconds(within);
  for (let pause = 250; ; pause = Math.min(pause * 2, 4000)) {
    signal?.throwIfAborted();
    const seen = await servedSerialNumber({ host, port, serverName, signal, clock }).catch(
      (error: unknown) => {
        signal?.throwIfAborted();
        return error instanceof Error ? error : new Error(String(error));
      },
    );
    if (seen === serialNumber.toLowerCase()) return;
    if (clock.monotonic() + pause > end)
      throw new DeployError(
        'ERR_DEPLOY_PROBE',
        `${host}:${port} does not show the certificate ${serialNumber}: ${seen instanceof Error ? seen.message : `it shows ${seen}`}`,
        seen instanceof Error ? { cause: seen } : undefined,
      );
    await clock.sleep({ milliseconds: pause }, { signal });
  }
}

/**
 * Connects once and reads the certificate that a server serves; waits at most ten seconds.
 *
 * @returns the serial number, in lower-case hexadecimal
 * @throws what the connection fails with
 */
export async function servedSerialNumber({
  host,
  port,
  serverName = host,
  signal,
  clock = systemClock,
}: Omit<ProbeOptions, 'within'>): Promise<string> {
  return await withTimeLimit(
    { clock, limit: 'PT10S', signal },
    async (limited) => await served({ host, port, serverName }, limited),
  );
}

function served(
  {
    host,
    port,
    serverName,
  }: { readonly host: string; readonly port: number; readonly serverName: string },
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    // Only the serial number is read and nothing is sent, so trust does not matter.
    const socket = connect(
      {
        host,
        port,
        rejectUnauthorized: false,
        ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
      },
      () => {
        const { serialNumber } = socket.getPeerCertificate();
        socket.destroy();
        resolve(serialNumber.toLowerCase());
      },
    );
    socket.once('error', reject);
    signal.addEventListener(
      'abort',
      () => {
        socket.destroy();
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
