import { inspect } from 'node:util';

/** The text that replaces a credential in output. */
export const hidden = '[secret]';

/** How many values of one credential are remembered, where it changes. */
const mostRevealed = 4;

/** A credential that text, JSON and a debugger show only as a mask. */
export class Secret {
  readonly #revealed = new Set<string>();
  readonly #get: () => Promise<string>;
  readonly #mask: string;
  /** Whether `reveal` starts a program. */
  readonly isFromProgram: boolean;
  /** Whether the configuration itself contains it. */
  readonly isInline: boolean;

  /**
   * @param get called by every `reveal`, so that the stored credential may change
   * @param options `mask` is the text that replaces it, for a URL everything but the password
   */
  constructor(
    get: () => Promise<string>,
    {
      mask = hidden,
      isFromProgram = false,
      isInline = false,
    }: {
      readonly mask?: string;
      readonly isFromProgram?: boolean;
      readonly isInline?: boolean;
    } = {},
  ) {
    this.#get = get;
    this.#mask = mask;
    this.isFromProgram = isFromProgram;
    this.isInline = isInline;
  }

  /**
   * Returns the credential in clear.
   * @throws ConfigError `ERR_CONFIG_CREDENTIAL`, which names the place of the credential and not
   * its value
   */
  readonly reveal = async (): Promise<string> => {
    const credential = await this.#get();
    this.#revealed.delete(credential);
    this.#revealed.add(credential);
    const [oldest] = this.#revealed;
    if (this.#revealed.size > mostRevealed && oldest !== undefined) this.#revealed.delete(oldest);
    return credential;
  };

  /** Returns what `reveal` last returned, the latest values last: what no output may repeat. */
  revealed(): readonly string[] {
    return [...this.#revealed];
  }

  toString(): string {
    return this.#mask;
  }

  toJSON(): string {
    return this.#mask;
  }

  [inspect.custom](): string {
    return this.#mask;
  }
}

/** Returns all credentials in a value: those of a configuration, in the order of its keys. */
export function secretsIn(value: unknown): readonly Secret[] {
  if (value instanceof Secret) return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(secretsIn);
}
