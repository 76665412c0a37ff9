export {
  acmexApi,
  type AcmexApi,
  type AcmexApiOptions,
  type Answer,
  type Call,
  type CallOptions,
  type DataOf,
  type ItemOf,
  type ListPath,
  type Method,
  type OperationOf,
  type PageOf,
  type PathOf,
} from './client.ts';
export { type ConnectionOptions, type Credential } from './connection.ts';
export {
  ApiError,
  type ApiErrorCode,
  type ApiErrorOptions,
  apiErrors,
  type Problem,
} from './errors.ts';
export { type OrderEvent, type WatchOptions } from './order-events.ts';
export type { components, operations, paths } from './rest-api.ts';
