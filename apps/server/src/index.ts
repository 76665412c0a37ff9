export { KeyStore, type KeyStoreOptions, type ApiKey, type KeyRecord, type NewKey } from './access/key-store.ts';
export { type Scope, scopeMeanings, scopes } from './access/scopes.ts';
export { ServerError, type ServerErrorCode, type ServerErrorOptions, serverErrors, type FieldError } from './errors.ts';
export { apiDescription } from './api-description.ts';
export type { Log } from './http/problems.ts';
export { type RunningServer, serve, type ServeOptions } from './serve.ts';
