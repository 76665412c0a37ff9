import { configuredKeyId, KeyStore, SessionStore } from '@acmex/server/keys';
import { type ConfiguredOutputOptions, type Row, table } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { withTenant } from './keys.ts';

type SessionOptions = ConfiguredOutputOptions & { readonly tenant?: string };

/**
 * `acmex server session list`: lists the sessions that can be used. Those of keys of the
 * configuration, and of people who signed in at a provider, are always listed: only the server knows
 * which of these keys it has, and which provider.
 */
export async function sessionList(options: SessionOptions, terminal: Terminal): Promise<void> {
  await withTenant(options, terminal, async ({ name: tenant, storage }) => {
    const keys = new KeyStore({ storage, tenant });
    const rows: Row[] = [];
    for await (const session of new SessionStore({ storage, tenant }).list()) {
      const { id, key, keyDigest, rights, userAgent } = session;
      const isStored = key !== configuredKeyId && !rights;
      if (isStored && !(await keys.withSecret(key, keyDigest))) continue;
      const { createdAt: created, lastUsedAt: used, expiresAt: ends, address } = session;
      rows.push({ id, key, created, used, ends, address, browser: userAgent });
    }
    return { text: table(rows), document: rows, rows };
  });
}

/** `acmex server session revoke`: ends a session immediately. */
export async function sessionRevoke(
  id: string,
  options: SessionOptions,
  terminal: Terminal,
): Promise<void> {
  await withTenant(options, terminal, async ({ name: tenant, storage }) => {
    const sessions = new SessionStore({ storage, tenant });
    const { key } = await sessions.get(id);
    await sessions.end(id, { type: 'session_revoked', by: 'acmex server session' });
    return { text: `${id} is revoked`, document: { id, key } };
  });
}
