import { resolve } from 'node:path';
import type { ConfigKey } from './config-keys.ts';
import type { JsonSchema } from './schema.ts';

/** Names that are shorter than the rule would have them; the original's among them. */
const also: Readonly<Record<string, string>> = {
  'acme.ca_environment': 'ACMEX_ACME_ENV',
  'acme.ca_custom_url': 'ACMEX_ACME_CUSTOM_URL',
  'acme.external_account_binding.hmac_key': 'ACMEX_EAB_HMAC_KEY',
  'challenge.challenge_type': 'ACMEX_CHALLENGE_TYPE',
  'renewal.renew_before_days': 'ACMEX_RENEWAL_BEFORE_DAYS',
  'server.api_keys': 'ACMEX_API_KEYS',
  'storage.url': 'ACMEX_STORAGE',
  'storage.encrypted.encryption_key': 'ACMEX_STORAGE_ENCRYPTION_KEY',
  'storage.encrypted.passphrase': 'ACMEX_STORAGE_PASSPHRASE',
};

/**
 * The variables that set a key: `ACMEX_<TABLE>_<KEY>`, and a shorter one for some. None for keys in
 * arrays and named tables, nor for programs with their arguments. For a credential each has a
 * `_FILE` beside it.
 */
export function variablesOf({ path, schema }: ConfigKey): readonly string[] {
  if (
    path.includes('[]') ||
    path.includes('NAME') ||
    !(schema.writeOnly === true || isScalar(schema) || isTextList(schema))
  )
    return [];
  const short = also[path.join('.')];
  return [`ACMEX_${path.join('_').toUpperCase()}`, ...(short === undefined ? [] : [short])];
}

/**
 * Returns a variable's text as a value of the key's type. Text that does not fit stays text, and
 * the schema refuses it.
 */
export function variableValue(
  text: string,
  { path, schema }: ConfigKey,
  directory: string,
): unknown {
  if (isTextList(schema))
    return text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
  if (path.join('.') === 'storage.url') return absoluteUrl(text, directory);
  return absolute(scalarValue(text, schema), schema, directory);
}

/**
 * Returns a text as true, false or a whole number where the schema wants that. Text that does not
 * fit stays text, and the schema refuses it.
 */
export function scalarValue(text: string, schema: JsonSchema): unknown {
  if (schema.type === 'boolean') {
    if (text === 'true' || text === '1') return true;
    return text === 'false' || text === '0' ? false : text;
  }
  if (schema.type === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  return text;
}

/** Paths that come from a command line or an environment begin where the program was started. */
export function absolute(value: unknown, schema: JsonSchema, directory: string): unknown {
  return schema.format === 'path' && typeof value === 'string' && value !== ''
    ? resolve(directory, value)
    : value;
}

/** `file:PATH` or a path, absolute; any other URL as it is. */
export function absoluteUrl(text: string, directory: string): string {
  if (/^file:(?!\/\/)./i.test(text))
    return `file:${resolve(directory, text.slice('file:'.length))}`;
  return text === '' || /^[a-z][a-z0-9+.-]+:/i.test(text)
    ? text
    : `file:${resolve(directory, text)}`;
}

function isScalar({ type }: JsonSchema): boolean {
  return type === 'string' || type === 'boolean' || type === 'integer' || type === 'number';
}

export function isTextList({ type, items, prefixItems }: JsonSchema): boolean {
  return (
    type === 'array' &&
    prefixItems === undefined &&
    typeof items === 'object' &&
    !Array.isArray(items) &&
    (items.type === 'string' || items.writeOnly === true)
  );
}
