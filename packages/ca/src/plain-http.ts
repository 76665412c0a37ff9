/** Who is connected. */
export interface Connection {
  /** The IP address, for rate limits. All that give none share one. */
  readonly address?: string | undefined;
}

/** The part of a `Request` that is read. */
export interface PlainRequest {
  readonly method: string;
  /** Absolute; its host says nothing here. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** What a `Response` is made of. */
export interface PlainResponse {
  readonly status: number;
  /** In lower case; a name may come more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array<ArrayBuffer>;
}

export type PlainHandler = (
  request: PlainRequest,
  connection?: Connection,
) => Promise<PlainResponse>;
