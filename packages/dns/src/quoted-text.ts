/**
 * A TXT value as zone files have it: in quotes, cut where it is longer than 255 bytes. RFC 1035
 * §5.1.
 */
export function quoted(value: string): string {
  const characterStrings = value.match(/[^]{1,255}/g) ?? [''];
  return characterStrings.map((part) => `"${part.replace(/["\\]/g, '\\$&')}"`).join(' ');
}

/**
 * Returns the value of a zone file's text: its character-strings joined. A text without quotes is the
 * value itself.
 */
export function unquoted(text: string): string {
  const characterStrings = [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)];
  if (characterStrings.length === 0) return text;
  return characterStrings
    .map(([, part = '']) =>
      part.replace(/\\(\d{3}|.)/g, (_, escape: string) =>
        escape.length === 3 ? String.fromCharCode(Number(escape)) : escape,
      ),
    )
    .join('');
}
