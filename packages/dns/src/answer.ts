/** No zone is larger than this in one page. */
const largest = 4 * 2 ** 20;

/** What a host sent: its status, its headers, and its body where that was JSON or nothing. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly json: unknown } | { readonly unreadable: string };
}

/** Reads an answer to its end, 4 MiB at most. */
export async function readAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const text = await cappedText(response);
  if (text === undefined) return { status, headers, body: { unreadable: 'is larger than 4 MiB' } };
  try {
    return { status, headers, body: { json: text.trim() === '' ? undefined : JSON.parse(text) } };
  } catch {
    // The parser's own words would quote the body.
    return { status, headers, body: { unreadable: 'is not JSON' } };
  }
}

/** undefined where it is larger. */
export async function cappedText({ body }: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > largest) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * Where a value lacks what an example of it has, as `zones[1].name`; undefined where it lacks
 * nothing. Every member of the example must be there and of the same kind; every element of an
 * array must be like the example's one.
 */
export function lacks(value: unknown, example: unknown, at = 'it'): string | undefined {
  if (Array.isArray(example))
    return Array.isArray(value)
      ? first(value, (element, index) =>
          example.length === 0 ? undefined : lacks(element, example[0], `${at}[${index}]`),
        )
      : at;
  if (typeof example !== 'object' || example === null)
    return typeof value === typeof example ? undefined : at;
  if (typeof value !== 'object' || value === null) return at;
  return first(Object.entries(example), ([key, member]) =>
    lacks((value as Record<string, unknown>)[key], member, `${at}.${key}`),
  );
}

function first<T>(
  values: readonly T[],
  find: (value: T, index: number) => string | undefined,
): string | undefined {
  for (const [index, value] of values.entries()) {
    const result = find(value, index);
    if (result !== undefined) return result;
  }
  return undefined;
}

/** What a body says in words, in the places where hosts put them; empty where it says nothing. */
export function wordsOf(json: unknown): string {
  if (typeof json === 'string') return json.slice(0, 300);
  if (Array.isArray(json))
    return json
      .map(wordsOf)
      .filter((words) => words !== '')
      .join('; ')
      .slice(0, 300);
  if (typeof json !== 'object' || json === null) return '';
  const {
    errors,
    error,
    message,
    error_description: description,
    detail,
    reason,
  } = json as Record<string, unknown>;
  return (
    [errors, error, message, description, detail, reason]
      .map(wordsOf)
      .find((words) => words !== '') ?? ''
  );
}
