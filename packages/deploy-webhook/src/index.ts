export { webhook, type WebhookOptions } from './webhook.ts';
