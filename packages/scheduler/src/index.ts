export { type Dispatcher, dispatcher, type DispatcherOptions, type DueSource, type DueTask } from './dispatcher.ts';
export { inProcessQueue, type InProcessQueueOptions } from './in-process-queue.ts';
export { type Again, priorities, type Priority, type ProcessOptions, type QueueCounts, type QueuedTask, type TaskHandler, type TaskQueue } from './task-queue.ts';
