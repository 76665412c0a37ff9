/**
 * A TXT value as zone files have it: in quotes, cut where it is longer than 255 bytes. RFC 1035
 * §5.1.
 */
export function quoted(value: string): string {
  const strings = value.match(/[^]{1,255}/g) ?? [''];
  return strings.map((part) => `"${part.replace(/["\\]/g, '\\$&')}"`).join(' ');
}

/**
 * Returns the value of a zone file's text: its strings joined. A text without quotes is the value
 * itself.
 */
export function unquoted(text: string): string {
  const strings = [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)];
  if (strings.length === 0) return text;
  return strings
    .map(([, part = '']) =>
      part.replace(/\\(\d{3}|.)/g, (_, escape: string) =>
        escape.length === 3 ? String.fromCharCode(Number(escape)) : escape,
      ),
    )
    .join('');
}
