import { inspect } from 'node:util';

/** What stands in the place of a credential wherever one is shown. */
export const hidden = '[secret]';

/** A credential that shows itself to nobody who does not ask for it: not in text, JSON, or a debugger's view. */
export class Secret {
  readonly #get: () => Promise<string>;
  readonly #shown: string;

  /**
   * @param get asked at every `reveal`, so that the credential may change where it is kept
   * @param shown what stands in its place; for a URL all but its password
   */
  constructor(get: () => Promise<string>, shown: string = hidden) {
    this.#get = get;
    this.#shown = shown;
  }

  /** The credential in clear. @throws ConfigError `ERR_CONFIG_CREDENTIAL`, which names the place where it is kept and not what is there */
  readonly reveal = async (): Promise<string> => await this.#get();

  toString(): string {
    return this.#shown;
  }

  toJSON(): string {
    return this.#shown;
  }

  [inspect.custom](): string {
    return this.#shown;
  }
}
