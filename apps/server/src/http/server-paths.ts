/** The first folders of absolute paths: FHS 3.0 §3, and those of containers, macOS and Nix. */
const folders =
  'bin|boot|dev|etc|home|lib|lib64|media|mnt|nix|opt|private|proc|root|run|sbin|srv|sys|tmp|usr|var' +
  '|app|certs|config|data|Applications|Library|Users|Volumes';
const start = String.raw`(?:/(?:${folders})(?=/)|[A-Za-z]:\\)`;
/** The characters of a path, up to a blank or a character that ends a word of a sentence. */
const word = String.raw`[^\s'"\`,;:<>()[\]{}]*`;
/**
 * A path in quotes ends at the quote that ends a word: it can have blanks, and a quote within a
 * name. No path is longer than 4096 bytes (PATH_MAX).
 */
const quotedPath = new RegExp(
  String.raw`(?<!\w)(?<quote>['"\`])(?<scheme>(?:file:(?://)?)?)${start}.{0,4096}?\k<quote>(?=[\s,;:.!?)\]}>]|$)`,
  'g',
);
/**
 * A path without quotes, which is not the path of a URL, because that has a host before it, and not
 * a part of a word. The word after a blank belongs to it if it has a separator that is not its first
 * character: `/srv/my store/key.pem`.
 */
const plainPath = new RegExp(
  String.raw`(?:(?<=file://)|(?<![\w.\])/~-]))${start}${word}(?: [^\s'"\`,;:<>()[\]{}/\\]+[/\\]${word})*`,
  'g',
);

/** Returns a text for users of the API, without the absolute paths of files. */
export function withoutPaths(text: string): string {
  return text
    .replaceAll(quotedPath, '$<quote>$<scheme>[path]$<quote>')
    .replaceAll(plainPath, '[path]');
}

/** Returns what has a message, such as a failure, with a message for users of the API. */
export function withPublicMessage<T extends { readonly message?: string | undefined }>(
  subject: T,
): T {
  const { message } = subject;
  return message === undefined ? subject : { ...subject, message: withoutPaths(message) };
}
