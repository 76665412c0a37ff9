import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

/** Returns `text` in the workspace's format, which depends on the name of the file it is for. */
export async function formatted(file, text) {
  const config = await resolveConfig(join(import.meta.dirname, 'formatted.mjs'));
  return await format(text, { ...config, filepath: file });
}
