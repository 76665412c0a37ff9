import type { JsonObject } from '@acmex/protocol';
import type { ProblemDocument } from './problems.ts';

/** What a resource answers: everything but the nonce and the links that every answer has. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Targets by relation. RFC 8288 */
  readonly links?: readonly (readonly [target: string, relation: string])[];
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** A member that is undefined is left out: no client has to understand `null`. */
export function json(
  status: number,
  object: object,
  { headers = {}, ...more }: Partial<Pick<Answer, 'headers' | 'links'>> = {},
): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: text(object),
    ...more,
  };
}

/** RFC 8555 §6.7 */
export function problemAnswer(
  document: ProblemDocument & { readonly status: number },
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status: document.status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: text(document),
  };
}

/**
 * JSON in ASCII: what a client wrote into it does nothing to the terminal that shows it to another.
 */
function text(object: object): string {
  return JSON.stringify(object).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A reviver of `JSON.parse`. The elements of a list stay as they are. */
function withoutNulls(this: unknown, name: string, value: unknown): unknown {
  return value === null && name !== '' && !Array.isArray(this) ? undefined : value;
}

/** Nothing but a status and headers. */
export function empty(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, body: '' };
}

/**
 * Returns the JSON object of a text without the members that are `null`, at any depth: in a
 * request, `null` means absent. Undefined for any other text.
 */
export function parsedObject(text: string): JsonObject | undefined {
  try {
    // A reviver is slow, and few clients write `null`.
    const value: unknown = JSON.parse(text, text.includes('null') ? withoutNulls : undefined);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined; // the caller, which needs an object, says what is wrong
  }
}
