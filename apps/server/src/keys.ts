export { configuredKeyId } from './access/api-key.ts';
export { type ApiKey, KeyStore, type KeyStoreOptions, type NewKey } from './access/key-store.ts';
export {
  type Session,
  type SessionEnd,
  SessionStore,
  type SessionStoreOptions,
  type NewSession,
  type VerifiedSession,
} from './access/session-store.ts';
export { type Scope, scopeMeanings, scopes } from './access/scopes.ts';
export {
  ServerError,
  type ServerErrorCode,
  type ServerErrorOptions,
  serverErrors,
  type FieldError,
} from './errors.ts';
