import type { Clock } from '@acmex/clock';
import { acmeSession, type DirectoryMeta, type Fetch, generateAccountKey } from '@acmex/protocol';
import type { Temporal } from 'temporal-polyfill';
import { type Finding, finding } from './finding.ts';

/** What the directory of a CA says, and how far its clock is from ours. */
export interface SeenCa {
  readonly meta: DirectoryMeta;
  /** Seconds by which our clock is ahead; absent where the answer has no Date. */
  readonly aheadSeconds: number | undefined;
}

/**
 * Reads the directory of a CA. Needs no account.
 * @throws AcmeError where the CA cannot be reached, or is none
 */
export async function readCa(
  directory: string,
  {
    fetch,
    clock,
    signal,
  }: { readonly fetch: Fetch; readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<SeenCa> {
  let aheadSeconds: number | undefined;
  // A directory is read without a signature, but a session has a key.
  const { key } = await generateAccountKey();
  const session = acmeSession({
    directory,
    key,
    clock,
    fetch: async (url, request) => {
      const sent = clock.now();
      const answer = await fetch(url, request);
      aheadSeconds = secondsAhead(answer.headers.get('date'), [sent, clock.now()]);
      return answer;
    },
  });
  const { meta } = await session.directory({ signal, fromCa: true });
  return { meta, aheadSeconds };
}

/**
 * Returns by how many seconds a clock is ahead of a Date of HTTP, which has no fractions: by the
 * nearest moment of the exchange.
 */
function secondsAhead(
  date: string | null,
  [sent, received]: readonly [Temporal.Instant, Temporal.Instant],
): number | undefined {
  const time = date === null ? NaN : Date.parse(date);
  if (Number.isNaN(time)) return undefined;
  if (sent.epochMilliseconds > time + 1000)
    return Math.round((sent.epochMilliseconds - time - 1000) / 1000);
  return Math.min(0, Math.round((received.epochMilliseconds - time) / 1000));
}

/** A difference that neither validation nor the time of a renewal notices. */
const permittedSeconds = 60;

/** Returns the finding for a clock that differs from that of the CA by more than a minute. */
export function clockFindings(
  aheadSeconds: number,
  { subject }: { readonly subject: string },
): readonly Finding[] {
  if (Math.abs(aheadSeconds) <= permittedSeconds) return [];
  const direction = aheadSeconds > 0 ? 'ahead of' : 'behind';
  return [
    finding('ERR_CHECK_CLOCK', {
      subject,
      saw: `the clock of this machine is ${Math.abs(aheadSeconds)} seconds ${direction} that of the CA`,
    }),
  ];
}
