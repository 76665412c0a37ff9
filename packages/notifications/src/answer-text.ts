import { printable, withoutSecrets } from '@acmex/errors';

/**
 * Returns what a receiver answered, for logs and records: without control characters, and without
 * the secrets that it repeats, also where the end of the answer is the beginning of a secret.
 * @param limit in UTF-16 code units
 */
export function answerText(
  answer: string,
  { secrets, limit }: { readonly secrets: readonly string[]; readonly limit: number },
): string {
  // The receiver may have sent more than was read.
  return printable(withoutSecrets(`${answer}…`, secrets).slice(0, -1), limit);
}
