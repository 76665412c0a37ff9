export { azure, type AzureOptions } from './azure.ts';
export type { AzureCredentials } from './access-token.ts';
export type { AzureCloud } from './clouds.ts';
