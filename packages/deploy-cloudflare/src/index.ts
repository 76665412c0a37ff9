export { cloudflare, type CloudflareBundleMethod, type CloudflareOptions } from './cloudflare.ts';
