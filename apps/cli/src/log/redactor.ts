import { type Config, type Secret, secretsIn } from '@acmex/config';
import { withoutPrivateKeys, withoutSecrets } from '@acmex/errors';

/** The shortest piece of a URL, or of a user's name and password, that is treated as a credential. */
const shortestPiece = 6;

/**
 * Removes the credentials that this program has read from what it writes, and private keys. What is
 * in a log has passed here.
 */
export class Redactor {
  readonly #credentials: readonly Secret[];
  #configured: readonly (readonly Secret[])[] = [];

  /** @param credentials those that no configuration has */
  constructor(credentials: readonly Secret[] = []) {
    this.#credentials = credentials;
  }

  /** Removes the credentials of a configuration too; those of the one before are still removed. */
  addConfiguration({ values }: Config): void {
    this.#configured = [secretsIn(values), ...this.#configured.slice(0, 1)];
  }

  /** Removes private keys and credentials from a text. */
  redact(text: string): string {
    const credentials = [...this.#credentials, ...this.#configured.flat()];
    const secrets = credentials.flatMap((credential) => credential.revealed());
    return withoutSecrets(withoutPrivateKeys(text), secrets.flatMap(formsOf));
  }

  /** Returns a value of JSON whose texts are redacted, at every depth. */
  redactFields<T extends object>(fields: T): T {
    const redacted: unknown = JSON.parse(JSON.stringify(fields), (_, value: unknown) =>
      typeof value === 'string' ? this.redact(value) : value,
    );
    return redacted as T;
  }
}

/** Returns the forms in which a credential can be repeated: plain, encoded, and in pieces. */
function formsOf(credential: string): readonly string[] {
  const value = credential.trim();
  const pieces = [value, ...(/^[a-z]+:\/\//i.test(value) ? piecesOfUrl(value) : [])].filter(
    ({ length }) => length >= shortestPiece,
  );
  return pieces.flatMap((piece) => [
    piece,
    encodeURIComponent(piece),
    Buffer.from(piece).toString('base64'),
  ]);
}

/** Returns what can be a credential in a URL: its password, and each piece of its path and query. */
function piecesOfUrl(url: string): readonly string[] {
  if (!URL.canParse(url)) return [];
  const { password, pathname, searchParams } = new URL(url);
  return [password, decodedText(password), ...pathname.split('/'), ...searchParams.values()];
}

/** Returns a text without percent-encoding; the text itself where its encoding is not valid. */
function decodedText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
