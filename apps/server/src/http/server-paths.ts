import { parse } from 'node:path';

/** The first folders of absolute paths: FHS 3.0 §3, and those of containers, macOS and Nix. */
const folders =
  'bin|boot|dev|etc|home|lib|lib64|media|mnt|nix|opt|private|proc|root|run|sbin|srv|sys|tmp|usr|var' +
  '|app|certs|config|data|Applications|Library|Users|Volumes';
/** The characters of a path, up to a blank or a character that ends a word of a sentence. */
const word = String.raw`[^\s'"\`,;:<>()[\]{}]*`;

/** Controllers and the filter of errors are made with it. */
export const SERVER_PATHS = Symbol('server paths');

/** Removes the absolute paths of the server's files from what users of the API see. */
export interface ServerPaths {
  /** Returns a text without them. */
  without(text: string): string;
  /** Returns what has a message, such as a failure, with a message without them. */
  publicMessage<T extends { readonly message?: string | undefined }>(subject: T): T;
}

/**
 * Knows paths by their usual first folders, and those in the known folders of this server by these.
 * @param known absolute paths of folders, such as that of the storage; those can have blanks
 */
export function serverPaths(known: readonly string[] = []): ServerPaths {
  const { quoted, plain } = patternsOf(known);
  const without = (text: string) =>
    text.replaceAll(quoted, '$<quote>$<scheme>[path]$<quote>').replaceAll(plain, '[path]');
  return {
    without,
    publicMessage(subject) {
      const { message } = subject;
      return message === undefined ? subject : { ...subject, message: without(message) };
    },
  };
}

function patternsOf(known: readonly string[]): { readonly quoted: RegExp; readonly plain: RegExp } {
  const roots = known
    .filter((folder) => parse(folder).root !== folder)
    .sort((a, b) => b.length - a.length)
    .map((folder) => folder.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`))
    .map((folder) => String.raw`${folder}(?![\w-]|\.\w)`);
  const start = `(?:${[...roots, `/(?:${folders})(?=/)`, String.raw`[A-Za-z]:\\`].join('|')})`;
  return {
    // A path in quotes ends at the quote that ends a word: it can have blanks, and a quote within a
    // name. No path is longer than 4096 bytes (PATH_MAX).
    quoted: new RegExp(
      String.raw`(?<!\w)(?<quote>['"\`])(?<scheme>(?:file:(?://)?)?)${start}.{0,4096}?\k<quote>(?=[\s,;:.!?)\]}>]|$)`,
      'g',
    ),
    // A path without quotes is not that of a URL, which has a host before it, and not a part of a
    // word. The word after a blank belongs to it if it has a separator that is not its first
    // character: `/srv/my store/key.pem`.
    plain: new RegExp(
      String.raw`(?:(?<=file://)|(?<![\w.\])/~-]))${start}${word}(?: [^\s'"\`,;:<>()[\]{}/\\]+[/\\]${word})*`,
      'g',
    ),
  };
}
