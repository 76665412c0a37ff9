import { type Clock, systemClock } from '@acmex/clock';
import type { Config } from '@acmex/config';
import { errorCode, errorText } from '@acmex/errors';
import { sendHeartbeat } from '@acmex/notifications';
import type { Network } from '@acmex/protocol/node';
import type { Storage } from '@acmex/storage';
import { claim } from './claims.ts';
import type { Watched } from './watching.ts';

/** The sign of life of `notifications.heartbeat_url`. */
export interface Heartbeat {
  /**
   * Sends it after a scan that has read everything, unless a process with the storage has sent it
   * within `renewal.check_interval`. A storage that cannot be written is a failure.
   */
  afterScan(watched: Pick<Watched, 'isComplete'>, options: HeartbeatSignal): Promise<void>;
  /** Sends it. A failure is a warning, and is counted. */
  send(options: HeartbeatSignal): Promise<void>;
}

interface HeartbeatSignal {
  readonly signal: AbortSignal;
}

export interface HeartbeatOptions {
  readonly storage: Storage;
  readonly network?: Network | undefined;
  /** Called after each attempt. */
  readonly onHeartbeat?: ((outcome: 'succeeded' | 'failed') => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly clock?: Clock | undefined;
}

/** Returns the heartbeat of a configuration; undefined where it has none. */
export function configuredHeartbeat(
  { values }: Pick<Config, 'values'>,
  { storage, network, onHeartbeat, onWarning, clock = systemClock }: HeartbeatOptions,
): Heartbeat | undefined {
  const { heartbeat_url: url, heartbeat_allow_http: allowsHttp, allow } = values.notifications;
  if (!url) return undefined;
  const attempt = async (signal: AbortSignal, work: () => Promise<'sent' | 'not-due'>) => {
    try {
      if ((await work()) === 'sent') onHeartbeat?.('succeeded');
    } catch (error) {
      if (signal.aborted) return;
      onHeartbeat?.('failed');
      const code = errorCode(error);
      onWarning?.(
        `the heartbeat was not sent: ${errorText(error)}${code === undefined ? '' : ` [${code}]`}`,
      );
    }
  };
  const sent = async (signal: AbortSignal) => {
    await sendHeartbeat({
      url: async () => (await url.reveal()).trim(),
      schemes: allowsHttp ? 'http-and-https' : 'https',
      ca: network?.roots ?? [],
      ...{ allow, clock, signal },
    });
    return 'sent' as const;
  };
  const intervalMs = values.renewal.check_interval * 1000;
  return {
    async afterScan({ isComplete }, { signal }) {
      if (!isComplete) return;
      await attempt(signal, async () =>
        (await claim('heartbeat', { storage, intervalMs, clock })) ? await sent(signal) : 'not-due',
      );
    },
    send: async ({ signal }) => await attempt(signal, async () => await sent(signal)),
  };
}
