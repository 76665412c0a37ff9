import { type Clock, systemClock, withTimeLimit } from '@acmex/clock';
import { DnsError, type DnsOptions } from '@acmex/dns';

const address = 'http://metadata.google.internal/computeMetadata/v1/project/project-id';

/**
 * Returns a function that asks the metadata server for the project of this machine, once.
 *
 * @see https://docs.cloud.google.com/compute/docs/metadata/predefined-metadata-keys
 * @throws DnsError `ERR_DNS_CREDENTIALS`
 */
export function projectOfMachine({
  fetch: send = fetch,
  clock = systemClock,
}: {
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}): (options: DnsOptions) => Promise<string> {
  let project: string | undefined;
  return async ({ signal }) => {
    if (project !== undefined) return project;
    try {
      const text = await withTimeLimit({ clock, limit: 'PT3S', signal }, async (limited) => {
        const headers = { 'metadata-flavor': 'Google' };
        const answer = await send(address, { headers, redirect: 'manual', signal: limited });
        return answer.ok ? (await answer.text()).trim() : `status ${answer.status}`;
      });
      if (!/^[a-z\d][a-z\d.:-]*$/.test(text)) throw new Error('its answer is not a project id');
      project = text;
      return project;
    } catch (cause) {
      signal?.throwIfAborted();
      throw new DnsError(
        'ERR_DNS_CREDENTIALS',
        'google: the project is unknown, and the metadata server of Google Cloud gives none: give its id as project',
        { cause },
      );
    }
  };
}
