export { azureKeyvault, type AzureKeyvaultOptions } from './azure-keyvault.ts';
