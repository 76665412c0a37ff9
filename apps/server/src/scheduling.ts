import type { QueueCounts } from '@acmex/scheduler';

/** What does the work, as routes see it. */
export interface Scheduling {
  /** Something was written that is due: look now. */
  wake(): void;
  counts(): Promise<QueueCounts>;
  /** The oldest task that is late. */
  late(): { readonly id: string; readonly dueAt: string } | undefined;
}
export const SCHEDULING = Symbol('scheduling');

