import { z } from 'zod';
import type { CredentialKey } from '../credential.ts';
import { choice, list, listenAddress, switched, text } from '../keys.ts';

/** `[metrics]` */
export function metricsTable() {
  return z.strictObject({
    enabled: switched('Show metrics for Prometheus.').default(false),
    listen_addr: listenAddress('Where they are shown.').default('127.0.0.1:9090'),
    prefix: text('What their names begin with.').regex(/^[a-z][a-z0-9_]*$/, 'write a-z, 0-9 and _').default('acmex'),
  });
}

/** `[cli]`: how the program speaks. */
export function cliTable() {
  return z.strictObject({
    output_format: choice(['text', 'json', 'csv'], 'The form of results.').default('text'),
    colors: switched('Colours; on a terminal alone by default.').optional(),
    log_level: choice(['error', 'warn', 'info', 'debug'], 'How much is said.').default('info'),
  });
}

/** `[server]`: the REST API. */
export function serverTable(secret: CredentialKey) {
  return z.strictObject({
    listen_addr: listenAddress('Where the REST API is served.').default('127.0.0.1:8080'),
    api_keys: list(secret('API key.'), 'API keys that are taken beside those in the storage.').default([]),
  });
}
