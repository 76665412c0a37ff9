import { parseCertificate } from '@acmex/certificate';
import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import { anyAddress, probe as probeTls } from '@acmex/probe';
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
 * @param serialNumber that of the certificate, or those of two, of which a server chooses one for
 * each client
 * @throws DeployError `ERR_DEPLOY_PROBE` with what the server served instead
 */
export async function probe(
  serialNumber: string | readonly string[],
  { host, port, serverName = host, within = 'PT30S', signal, clock = systemClock }: ProbeOptions,
): Promise<void> {
  const wanted = [serialNumber].flat();
  const end = clock.monotonic() + milliseconds(within);
  for (let pause = 250; ; pause = Math.min(pause * 2, 4000)) {
    signal?.throwIfAborted();
    const seen = await servedSerialNumber({ host, port, serverName, signal, clock }).catch(
      (error: unknown) => {
        signal?.throwIfAborted();
        return error instanceof Error ? error : new Error(String(error));
      },
    );
    if (wanted.some((serial) => seen === serial.toLowerCase())) return;
    if (clock.monotonic() + pause > end)
      throw new DeployError(
        'ERR_DEPLOY_PROBE',
        `${host}:${port} does not show the certificate ${wanted.join(' or ')}: ${seen instanceof Error ? seen.message : `it shows ${seen}`}`,
        seen instanceof Error ? { cause: seen } : undefined,
      );
    await clock.sleep({ milliseconds: pause }, { signal });
  }
}

/**
 * Connects once and reads the certificate that a server serves; waits at most ten seconds.
 *
 * @returns the serial number, in lower-case hexadecimal
 * @throws ProbeError with the cause and the cure
 */
export async function servedSerialNumber({
  clock = systemClock,
  ...target
}: Omit<ProbeOptions, 'within'>): Promise<string> {
  const { chain } = await probeTls({ ...target, clock, policy: anyAddress });
  return parseCertificate(chain[0] ?? new Uint8Array()).serialNumber;
}
