export { cloudflare, type CloudflareOptions } from './cloudflare.ts';
