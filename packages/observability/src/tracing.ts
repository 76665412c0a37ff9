export { type SpanDescription, type SpanName, spanTable } from './tracing/span-table.ts';
export {
  type AgentTracing,
  type ManagerTracing,
  type TracedRequest,
  type TracedTask,
  type Tracing,
  tracing,
  type WatchedManager,
} from './tracing/tracing.ts';
