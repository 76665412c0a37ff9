/** The text that replaces a secret. */
const hidden = '[secret]';

/** The shortest text that is treated as a secret; a shorter one would hide ordinary words. */
const shortestSecret = 2;

/** The shortest beginning of a secret that is removed where a text was cut inside it. */
const shortestBeginning = 4;

/**
 * Returns a text without the secrets that it repeats, also where it was cut inside a secret: `…`
 * marks a cut, as `printable` writes it.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const longestFirst = secrets
    .filter(({ length }) => length >= shortestSecret)
    .sort((first, second) => second.length - first.length);
  return longestFirst
    .reduce((redacted, secret) => redacted.replaceAll(secret, hidden), text)
    .split('…')
    .map((piece, index, { length }) =>
      index === length - 1 ? piece : withoutBeginning(piece, longestFirst),
    )
    .join('…');
}

/** Removes the beginning of a secret from the end of a text. */
function withoutBeginning(text: string, secrets: readonly string[]): string {
  for (const secret of secrets)
    for (let length = secret.length - 1; length >= shortestBeginning; length -= 1)
      if (text.endsWith(secret.slice(0, length))) return `${text.slice(0, -length)}${hidden}`;
  return text;
}

/** Removes PEM private keys from a text, also those whose beginning or end was cut off. */
export function withoutPrivateKeys(text: string): string {
  if (!text.includes('PRIVATE KEY-----')) return text;
  return text
    .replace(
      /(-----BEGIN [A-Z ]*PRIVATE KEY-----)?(?:[\w+/=\s]|\\n|\\r|\\u\{[ad]\})*-----END [A-Z ]*PRIVATE KEY-----/g,
      ' (a private key)',
    )
    .replace(
      /-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\w+/=\s]|\\n|\\r|\\u\{[ad]\})*/g,
      '(a private key)',
    );
}
