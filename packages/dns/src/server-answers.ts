import { errorText } from '@acmex/errors';
import { DnsError } from './errors.ts';
import { lookUp as ask } from './look-up.ts';
import {
  authoritativeServers,
  type PropagationOptions,
  type VisibleRecord,
} from './propagation.ts';

/** What one server shows at a name, or why it shows nothing. */
export type ServerAnswer =
  | { readonly server: string; readonly values: readonly string[] }
  | { readonly server: string; readonly error: string };

export interface ServerAnswersOptions extends Omit<PropagationOptions, 'propagation' | 'limit'> {
  /**
   * `address` or `address:port`; by default every server that answers for the zone, over each of
   * its addresses.
   */
  readonly servers?: readonly string[] | undefined;
}

/**
 * Asks each server once for the TXT records of a name, and follows no alias.
 * @throws DnsError `ERR_DNS_NOT_VISIBLE` where no server can be asked
 */
export async function serverAnswers(
  { zone, name }: Omit<VisibleRecord, 'value'>,
  {
    servers,
    clock,
    lookUpAt = (server) => ask({ clock, servers: [server] }),
    ...options
  }: ServerAnswersOptions,
): Promise<readonly ServerAnswer[]> {
  const { signal } = options;
  const asked = servers ?? (await authoritativeServers(zone, options));
  if (asked.length === 0)
    throw new DnsError(
      'ERR_DNS_NOT_VISIBLE',
      `there is not a server to ask about ${name}: name one`,
    );
  return await Promise.all(
    asked.map(async (server): Promise<ServerAnswer> => {
      try {
        return { server, values: await lookUpAt(server).txt(name, { signal }) };
      } catch (error) {
        signal?.throwIfAborted();
        return { server, error: errorText(error) };
      }
    }),
  );
}
