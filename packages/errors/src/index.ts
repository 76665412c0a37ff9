export {
  type CodedError,
  type CodedErrorClass,
  defineErrors,
  type ErrorEntry,
  type ErrorTable,
  type FixedBy,
  fixedBy,
} from './define-errors.ts';
export { listenFailureText } from './listen-failure.ts';
export { printable } from './printable.ts';
export { withoutPrivateKeys, withoutSecrets } from './redaction.ts';
export { systemFailureText } from './system-failure.ts';
export { errorCode, errorText, isModuleMissing } from './thrown.ts';
export { unreadableText } from './unreadable-text.ts';
