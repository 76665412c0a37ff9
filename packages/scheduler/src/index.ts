export {
  type Dispatcher,
  dispatcher,
  type DispatcherOptions,
  type DueSource,
  type DueTask,
} from './dispatcher.ts';
export { inProcessQueue, type InProcessQueueOptions } from './in-process-queue.ts';
export {
  type Again,
  byPriority,
  countsOfAll,
  type GroupCounts,
  priorities,
  type Priority,
  type ProcessOptions,
  type QueueCounts,
  type QueuedTask,
  type TaskHandler,
  type TaskQueue,
} from './task-queue.ts';
