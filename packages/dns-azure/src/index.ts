export { azure, type AzureOptions } from './azure.ts';
export type { AzureCloud, AzureCredentials } from '@acmex/azure';
