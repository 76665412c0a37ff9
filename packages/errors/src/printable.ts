/**
 * Makes text from elsewhere safe to show on a terminal or in a log line: control characters, line
 * breaks and direction marks appear as `\u{1b}` instead of taking effect.
 *
 * @param limit Text that is longer is cut after this many UTF-16 code units.
 */
export function printable(text: string, limit = 1000): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
