import type { Clock, DurationInput } from '@acmex/clock';
import type { RedisDescription } from '@acmex/config';
import { type Log, logError } from '../log.ts';
import { joinTeam, type Team } from './team.ts';

/**
 * Joins a team, and logs what happens to it until the server stops.
 * @throws what `joinTeam` throws
 */
export async function openTeam(
  redis: RedisDescription,
  {
    log,
    lease,
    clock,
    signal,
  }: {
    readonly log: Log;
    readonly lease: DurationInput | undefined;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<Team> {
  return await joinTeam({
    redis,
    lease,
    clock,
    onError(subject, error) {
      if (!signal.aborted) logError(log, subject, error);
    },
    onChange(isConnected) {
      if (isConnected) log({ level: 'info', msg: 'Redis is back' });
      else
        log({
          level: 'warn',
          msg: 'Redis is away: connecting until it is back',
          code: 'ERR_SERVER_UNAVAILABLE',
        });
    },
  });
}
