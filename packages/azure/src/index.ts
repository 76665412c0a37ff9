export {
  type AccessTokens,
  accessTokens,
  type AzureCredentials,
  type Transport,
} from './access-token.ts';
export type { ClientCertificate } from './client-certificate.ts';
export { type AzureCloud, type CloudPlaces, clouds, type TokenPlace } from './clouds.ts';
