import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { type Config, readConfig } from '@acmex/config';
import { eventChange } from '@acmex/orchestrator';
import { temporaryFolder } from '@acmex/services';
import type { Storage } from '@acmex/storage';

/** Returns a configuration with an audit log, and these keys of `[audit]`. */
export async function auditConfig(keys: string): Promise<Config> {
  await using folder = await temporaryFolder('audit');
  const file = join(folder.path, 'acmex.toml');
  await writeFile(file, `[audit]\nenabled = true\n${keys}\n`, { mode: 0o600 });
  return await readConfig({ cwd: folder.path, home: folder.path, environment: {}, file });
}

/** Returns a storage that stays open when it is disposed of. */
export function keptOpen(storage: Storage): Storage {
  return { ...storage, [Symbol.asyncDispose]: async () => undefined };
}

/** Returns the change by which something happens. */
export function happened(message: string) {
  return eventChange({ type: 'private_key_read', actor: 'key_1', message }, systemClock);
}
