import { lookUp as ask } from './look-up.ts';
import type { VisibleRecord } from './propagation.ts';
import { serverAnswers, type ServerAnswersOptions } from './server-answers.ts';
import { findZone } from './zone.ts';

/**
 * What one server shows of a TXT record. `different`: the name has only other values; `absent`: it
 * has none; `failed`: the server does not answer.
 */
export type RecordAnswer =
  | {
      readonly server: string;
      readonly state: 'seen' | 'different' | 'absent';
      /** All values of the name. */
      readonly values: readonly string[];
    }
  | { readonly server: string; readonly state: 'failed'; readonly error: string };

export type RecordAnswersOptions = Omit<ServerAnswersOptions, 'lookUp'> &
  Partial<Pick<ServerAnswersOptions, 'lookUp'>>;

/**
 * Asks each server once whether it shows a TXT record: the given servers, else all that answer for
 * its zone.
 * @throws DnsError `ERR_DNS_LOOKUP`, `ERR_DNS_ZONE_NOT_FOUND`, and `ERR_DNS_NOT_VISIBLE` where no
 * server can be asked
 */
export async function recordAnswers(
  { name, value }: Omit<VisibleRecord, 'zone'>,
  { lookUp, ...options }: RecordAnswersOptions,
): Promise<readonly RecordAnswer[]> {
  const questions = lookUp ?? ask({ clock: options.clock });
  const { signal } = options;
  const zone = options.servers ? name : await findZone(name, { lookUp: questions }, { signal });
  const answers = await serverAnswers({ zone, name }, { ...options, lookUp: questions });
  return answers.map((answer) => {
    if ('error' in answer) return { ...answer, state: 'failed' };
    const { server, values } = answer;
    const absentOrDifferent = values.length === 0 ? 'absent' : 'different';
    return { server, state: values.includes(value) ? 'seen' : absentOrDifferent, values };
  });
}
