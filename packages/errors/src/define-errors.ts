/** What a program needs to know about an error code. */
export interface ErrorEntry {
  /** What happened, for a person. */
  readonly meaning: string;
  /** What to do about it. */
  readonly cure: string;
  /** The exit code of a program that ends with this error. */
  readonly exit: number;
  /** The HTTP status of a service that passes this error on. */
  readonly http: number;
  /**
   * What has to happen before the same work can succeed; by default what is usual for the exit
   * code.
   */
  readonly fixedBy?: FixedBy | undefined;
}

/**
 * `time`: it may succeed at a later try without a change. `person`: each try fails until a person
 * changes something, or costs more than it can gain.
 */
export type FixedBy = 'time' | 'person';

/** What a person has to change: usage, configuration, and what a CA refuses. */
const exitsFixedByPerson: ReadonlySet<number> = new Set([2, 5]);

/** Returns what fixes a failure with this entry. */
export function fixedBy({ exit, fixedBy: stated }: ErrorEntry): FixedBy {
  return stated ?? (exitsFixedByPerson.has(exit) ? 'person' : 'time');
}

/** The error codes of an area, such as `ERR_DNS_TIMEOUT` of the area `DNS`. */
export type ErrorTable<Area extends string = string> = Readonly<
  Record<`ERR_${Area}_${string}`, ErrorEntry>
>;

/** An error with a stable code. */
export interface CodedError<Code extends string> extends Error {
  readonly code: Code;
  /** What to do about an error with this code; the message may say more. */
  readonly cure: string;
  /** What has to happen before the same work can succeed. */
  readonly fixedBy: FixedBy;
}

/** The class of an area's errors. */
export type CodedErrorClass<Code extends string> = new (
  code: Code,
  message: string,
  options?: ErrorOptions,
) => CodedError<Code>;

/**
 * Returns the error class of an area. The class is named after the area: `DnsError` for `Dns`.
 * Extend it to give the errors further properties.
 *
 * @param area The name of the area, in PascalCase.
 * @param table The codes of the area. From the first release on, a code is never renamed.
 */
export function defineErrors<Code extends `ERR_${string}`>(
  area: string,
  table: Readonly<Record<Code, ErrorEntry>>,
): CodedErrorClass<Code> {
  return class extends Error implements CodedError<Code> {
    override readonly name: string = `${area}Error`;

    constructor(
      readonly code: Code,
      message: string,
      options?: ErrorOptions,
    ) {
      super(message, options);
    }

    get cure(): string {
      return table[this.code].cure;
    }

    get fixedBy(): FixedBy {
      return fixedBy(table[this.code]);
    }
  };
}
