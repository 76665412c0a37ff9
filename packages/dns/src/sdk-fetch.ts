import { cappedText } from './answer.ts';

export interface SdkFetchOptions {
  /**
   * Sent with every request. Of the SDK's own only `accept` and `content-type` are: it may have
   * others out of the environment.
   */
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch?: typeof fetch | undefined;
}

/**
 * A fetch for a vendor's SDK that goes where it is sent and no further: it follows no redirect, and
 * reads 4 MiB at most.
 */
export function sdkFetch({
  headers: extraHeaders,
  fetch = globalThis.fetch,
}: SdkFetchOptions): typeof globalThis.fetch {
  return async (input, init) => {
    const theirs = [...new Headers(init?.headers)].filter(
      ([name]) => name === 'accept' || name === 'content-type',
    );
    const response = await fetch(input, {
      ...init,
      headers: { ...Object.fromEntries(theirs), 'user-agent': 'acmex', ...extraHeaders },
      redirect: 'manual',
    });
    const text = await cappedText(response);
    if (text === undefined) throw new Error('its answer is larger than 4 MiB');
    return new Response(text === '' ? null : text, {
      status: response.status,
      headers: response.headers,
    });
  };
}
