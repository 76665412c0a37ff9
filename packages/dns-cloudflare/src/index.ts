export { cloudflare, type CloudflareGlobalKey, type CloudflareOptions } from './cloudflare.ts';
