import { configKeys } from './config-keys.ts';
import { configSchema, type JsonSchema } from './schema.ts';
import { variablesOf } from './variables.ts';

/** Every key as a table in Markdown: key, type, default, environment variables, meaning. */
export function configReference(): string {
  const rows = configKeys(configSchema()).map((key) => {
    const { schema, path } = key;
    const standard = schema.default === undefined ? '' : code(JSON.stringify(schema.default));
    return [
      code(path.join('.').replaceAll('.[]', '[]')),
      typeText(schema),
      standard,
      variablesOf(key).toReversed().map(code).join(' '),
      schema.description ?? '',
    ];
  });
  return [
    ['key', 'type', 'default', 'environment', 'meaning'],
    ['---', '---', '---', '---', '---'],
    ...rows,
  ]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`)
    .join('');
}

function typeText(schema: JsonSchema): string {
  const { type, enum: values, const: only, items, prefixItems, minimum, maximum } = schema;
  if (schema.writeOnly === true) return 'credential';
  if (values) return values.map((value) => code(String(value))).join(', ');
  if (only !== undefined) return code(String(only));
  if (prefixItems) return 'program and arguments';
  if (type === 'array')
    return typeof items === 'object' && !Array.isArray(items)
      ? `list of ${typeText(items)}`
      : 'list';
  if (type === 'integer') return `${minimum} to ${maximum}`;
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'object') return 'table of text';
  return schema.format === 'path' ? 'path' : 'text';
}

function code(text: string): string {
  return `\`${text}\``;
}
