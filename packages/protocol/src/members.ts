import { printable } from '@acmex/errors';
import { AcmeError } from './errors.ts';
import type { AcmeResponse } from './http.ts';

/** A JSON object. */
export type JsonObject = { readonly [member: string]: unknown };

/** Whether a parsed JSON value is an object, and neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The members of an object that a CA sent. A required member that is missing or of another type is
 * an error that names it; null counts as absent, as some CAs send it; members that are not read are
 * ignored.
 */
export class Members {
  readonly #what: string;
  readonly #object: JsonObject;

  /** @param what the object in the reader's words, such as `the order https://…/1` */
  constructor(what: string, object: unknown) {
    this.#what = what;
    if (!isObject(object))
      throw new AcmeError(
        'ERR_ACME_ANSWER',
        `${printable(what)}: the CA's answer is not a JSON object`,
      );
    this.#object = object;
  }

  optional(name: string): unknown {
    return this.#object[name] ?? undefined;
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.#missing(name, 'string');
  }

  optionalString(name: string): string | undefined {
    const value = this.optional(name);
    return value === undefined || typeof value === 'string' ? value : this.#missing(name, 'string');
  }

  /** An absolute http or https URL. */
  url(name: string): string {
    return this.optionalUrl(name) ?? this.#missing(name, 'URL');
  }

  optionalUrl(name: string): string | undefined {
    const value = this.optionalString(name);
    return value === undefined || isWebUrl(value) ? value : this.#missing(name, 'URL');
  }

  list(name: string): readonly unknown[] {
    const value = this.optional(name);
    return Array.isArray(value) ? value : this.#missing(name, 'list');
  }

  /** Returns an empty list where there is none: CAs in Go send null for it. */
  optionalList(name: string): readonly unknown[] {
    return this.optional(name) === undefined ? [] : this.list(name);
  }

  /** One of the words that the RFC allows here. */
  oneOf<T extends string>(name: string, words: readonly T[]): T {
    const value = this.string(name);
    return (
      words.find((word) => word === value) ?? this.#missing(name, `one of ${words.join(', ')}`)
    );
  }

  #missing(name: string, kind: string): never {
    const fault =
      name in this.#object
        ? `is ${printable(JSON.stringify(this.#object[name]), 100)}`
        : 'is missing';
    throw new AcmeError(
      'ERR_ACME_ANSWER',
      `${printable(this.#what)}: the CA's answer is not as RFC 8555 asks: "${name}" ${fault}, wanted: ${kind}`,
    );
  }
}

/**
 * The members of a JSON answer.
 * @param what the object in the reader's words
 * @throws AcmeError `ERR_ACME_ANSWER` when the answer is not `application/json`, or no JSON object
 */
export function readMembers(what: string, { url, headers, text }: AcmeResponse): Members {
  const type = headers.get('content-type') ?? 'no content type';
  if (!/^application\/(\w+\+)?json\b/i.test(type))
    throw new AcmeError(
      'ERR_ACME_ANSWER',
      `${url}: ${what} came as ${printable(type, 100)}, wanted: application/json`,
    );
  return new Members(`${what} ${url}`, parseJson(text));
}

/** The value of a JSON text; undefined for what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a text is an absolute http or https URL. */
export function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
