export { google, type GoogleOptions } from './google.ts';
export type { GoogleCredentials } from './access-token.ts';
