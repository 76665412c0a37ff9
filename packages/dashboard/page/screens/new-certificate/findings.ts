import type { EnteredName } from './names.ts';

/** What is wrong with a form: lines of names, and the other fields by their names. */
export interface Findings {
  readonly lines: readonly { readonly line: number; readonly text: string }[];
  readonly fields: Readonly<Record<string, string>>;
  /** That of the texts; that of the page by default. */
  readonly language?: 'en';
}

/**
 * Puts what the server has found to the fields of the form.
 *
 * @param errors by JSON pointer into the body: `/names/0`, `/issuer`
 * @param names those of the body, in their order
 */
export function findingsOf(
  errors: Readonly<Record<string, string>>,
  names: readonly EnteredName[],
): Findings {
  const lines: { line: number; text: string }[] = [];
  const fields: Record<string, string> = {};
  for (const [pointer, text] of Object.entries(errors)) {
    const [, field = '', index] = pointer.split('/');
    const name = field === 'names' && index !== undefined ? names[Number(index)] : undefined;
    if (name) lines.push({ line: name.line, text });
    else fields[field] = text;
  }
  return { lines, fields };
}
