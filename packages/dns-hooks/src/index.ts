export { execHook, type ExecHookOptions } from './exec.ts';
