/** Of each of the two, since the name of a CA has 48 characters at most. */
const longest = 13;
const notPlain = /[\u{10000}-\u{10ffff}]|[^\p{L}\p{N}._-]/gu;

/**
 * Returns how lists of trusted certificates name the local CA: `AcmeX local CA of anna on laptop`.
 * Both names are text from outside, and become letters, digits and `.`, `_`, `-`.
 */
export function authorityName({
  user,
  host,
}: {
  readonly user: string;
  readonly host: string;
}): string {
  const [label = ''] = host.split('.');
  return `AcmeX local CA of ${plain(user)} on ${plain(label)}`;
}

function plain(text: string): string {
  return text.normalize('NFC').replace(notPlain, '-').slice(0, longest) || 'unknown';
}
