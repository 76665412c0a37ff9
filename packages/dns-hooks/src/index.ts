export { acmeSh, type AcmeShOptions } from './acme-sh.ts';
export { certbotHooks, type CertbotHooksOptions, type HookCommand } from './certbot.ts';
export { environment, type EnvironmentOptions } from './environment.ts';
export { execHook, type ExecHookOptions } from './exec.ts';
export { type HookOptions } from './hook-program.ts';
export { httpreq, type HttpreqOptions } from './httpreq.ts';
export { manual, type ManualOptions, type ManualStep } from './manual.ts';
