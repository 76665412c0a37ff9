import type { QueueCounts } from '@acmex/scheduler';
import type { Scan } from './team/redis-values.ts';
import type { Team } from './team/team.ts';

/** What does the work, as routes see it. */
export interface Scheduling {
  /** Something was written that is due: look now. */
  wake(): void;
  counts(): Promise<QueueCounts>;
  /** The oldest task that is late. */
  late(): Scan['late'];
  /** The processes that share the work, where there are several. */
  readonly team?:
    | Pick<Team, 'isConnected' | 'workers' | 'notices' | 'lastScan' | 'queue' | 'invalidValues'>
    | undefined;
}
export const SCHEDULING = Symbol('scheduling');
