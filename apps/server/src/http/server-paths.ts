/** The first folders of absolute paths: FHS 3.0 §3, and those of containers, macOS and Nix. */
const folders =
  'bin|boot|dev|etc|home|lib|lib64|media|mnt|nix|opt|private|proc|root|run|sbin|srv|sys|tmp|usr|var' +
  '|app|certs|config|data|Applications|Library|Users|Volumes';
/** Not the path of a URL, which has a host before it, and not a part of a word. */
const absolutePath = new RegExp(
  String.raw`(?<![\w.\])/~-])(?:/(?:${folders})(?=/)|[A-Za-z]:\\)[^\s'"\`,;:<>()[\]{}]*`,
  'g',
);

/** Returns a text for users of the API, without the absolute paths of files. */
export function withoutPaths(text: string): string {
  return text.replaceAll(absolutePath, '[path]');
}

/** Returns what has a message, such as a failure, with a message for users of the API. */
export function withPublicMessage<T extends { readonly message?: string | undefined }>(
  subject: T,
): T {
  const { message } = subject;
  return message === undefined ? subject : { ...subject, message: withoutPaths(message) };
}
