import { inspect } from 'node:util';

/** The text that replaces a credential in output. */
export const hidden = '[secret]';

/** A credential that text, JSON and a debugger show only as a mask. */
export class Secret {
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
  readonly reveal = async (): Promise<string> => await this.#get();

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
