/** A TXT value as Route 53 has it: strings of 255 bytes at most in quotes, with octal escapes. */
export function written(value: string): string {
  const bytes = Buffer.from(value);
  const characterStrings = Array.from(
    { length: Math.max(Math.ceil(bytes.length / 255), 1) },
    (_, at) => bytes.subarray(255 * at, 255 * (at + 1)),
  );
  return characterStrings.map((string) => `"${[...string].map(escaped).join('')}"`).join(' ');
}

/** Returns the value of a TXT record from Route 53's text. */
export function read(text: string): string {
  const strings = [...text.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, string = '']) => string);
  const bytes = [...strings.join('').matchAll(/\\([0-3][0-7]{2})|\\?([^])/gu)].map(
    ([, octal, char = '']) =>
      octal === undefined ? Buffer.from(char) : Buffer.of(parseInt(octal, 8)),
  );
  return Buffer.concat(bytes).toString();
}

function escaped(byte: number): string {
  const char = String.fromCharCode(byte);
  if (byte < 0x20 || byte > 0x7e) return `\\${byte.toString(8).padStart(3, '0')}`;
  return char === '"' || char === '\\' ? `\\${char}` : char;
}
