import { sameKey } from './config-keys.ts';
import type { KeyPath } from './settings.ts';

/** Keys of earlier versions that are not supported any more, each with the cure. */
const retired: Readonly<Record<string, string>> = {
  'acme.directory': 'set ca = "custom" and ca_custom_url to that URL',
  'acme.directory_url': 'set ca = "custom" and ca_custom_url to that URL',
  'acme.contact_email': 'write contact = ["you@example.com"]',
  'acme.email': 'write contact = ["you@example.com"]',
  'storage.path': 'write it in [storage.file]',
  'storage.redis.connection_pool_size': 'remove it: one connection carries every request',
  'challenge.http01.domain': 'remove it: one listener answers for every name',
  'challenge.http01.challenge_path': 'remove it: RFC 8555 §8.3 fixes the path',
  'challenge.dns01.zone_id': 'remove it: the zone of each name is looked up',
  'challenge.dns01.providers.[].zone_id': 'remove it: the zone of each name is looked up',
  'challenge.dns01.providers.[].extra': 'write each option by its own name, beside name and type',
  'challenge.tls_alpn.cert_path':
    'remove it: each challenge has a certificate of its own (RFC 8737 §3)',
  'challenge.tls_alpn.key_path':
    'remove it: each challenge has a certificate of its own (RFC 8737 §3)',
  'renewal.max_retries': 'remove it: a renewal is tried again until the certificate expires',
  'renewal.retry_delay_secs':
    'remove it: the wait grows from a minute to a day, by what the CA answered',
  'server.host': 'write listen_addr = "HOST:PORT"',
  'server.port': 'write listen_addr = "HOST:PORT"',
  'server.api_key': 'write api_keys = ["${NAME}"]',
  'server.enable_api': 'remove it: acmex serve is the API, and is not started where none is wanted',
  'server.enable_webhook': 'remove it: the route takes nothing that is not signed by an API key',
};

/** Returns the cure for a key that is not supported any more. */
export function replacementOf(path: KeyPath): string | undefined {
  return Object.entries(retired).find(([key]) => sameKey(key.split('.'), path))?.[1];
}

/** Choices that are not supported any more. */
export function refusalOfValue(path: KeyPath, value: unknown): string | undefined {
  const isCa = sameKey(['acme', 'ca'], path) || sameKey(['issuers', 'NAME', 'ca'], path);
  return isCa && value === 'buypass'
    ? 'use a different CA: Buypass issued its last TLS certificate in October 2025'
    : undefined;
}
