import { printable } from '@acmex/errors';

/** The shortest text that is treated as a secret; a shorter one would hide ordinary words. */
const shortestSecret = 2;

/**
 * Returns what a receiver answered, for logs and records: without control characters, and without
 * the secrets that it repeats, also where the end of the answer is the beginning of a secret.
 * @param limit in UTF-16 code units
 */
export function answerText(
  answer: string,
  { secrets, limit }: { readonly secrets: readonly string[]; readonly limit: number },
): string {
  const longestFirst = secrets
    .filter(({ length }) => length >= shortestSecret)
    .sort((first, second) => second.length - first.length);
  const redacted = longestFirst.reduce(
    (text, secret) => text.replaceAll(secret, '[secret]'),
    answer,
  );
  return printable(withoutCutSecret(redacted, longestFirst), limit);
}

/** Removes the beginning of a secret, of at least four characters, from the end of a text. */
function withoutCutSecret(text: string, secrets: readonly string[]): string {
  for (const secret of secrets)
    for (let length = secret.length - 1; length >= 4; length -= 1)
      if (text.endsWith(secret.slice(0, length))) return `${text.slice(0, -length)}[secret]`;
  return text;
}
