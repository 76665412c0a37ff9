import { NotificationsError } from './errors.ts';
import {
  assertReceiverUrl,
  receiverFetch,
  type ReceiverOptions,
  redirectText,
} from './receiver-url.ts';

/**
 * Sends one heartbeat: a GET to the URL of a service that raises an alarm when no heartbeat arrives.
 * The connection goes only to addresses that are permitted, no redirect is followed, and the body of
 * the answer is not read.
 * @throws NotificationsError `ERR_NOTIFICATIONS_URL`; `ERR_NOTIFICATIONS_ANSWER` for any status but
 * 2xx; and what `egressFetch` throws
 */
export async function sendHeartbeat(
  options: ReceiverOptions & { readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { schemes = 'https', signal } = options;
  const fetch = receiverFetch(options);
  const url = await options.url();
  assertReceiverUrl(url, schemes);
  let status = 0;
  await fetch(url, {
    signal,
    headers: { 'user-agent': 'acmex-heartbeat' },
    read: async (_, answer) => {
      await Promise.resolve();
      ({ status } = answer);
    },
  });
  if (status >= 200 && status < 300) return;
  const { hostname } = new URL(url);
  throw new NotificationsError(
    'ERR_NOTIFICATIONS_ANSWER',
    redirectText(hostname, status) ?? `${hostname} has answered ${status}`,
  );
}
