import { acmexApi, type AcmexApi, ApiError } from '@acmex/api';
import { isConnected } from './connection.ts';
import { csrfHeader, ended } from './session.ts';

/** The server's REST API, with the session of this page. */
export const api: AcmexApi = acmexApi({
  url: location.origin,
  allowHttp: true,
  fetch: async (request) => {
    for (const [name, value] of Object.entries(csrfHeader())) request.headers.set(name, value);
    try {
      const response = await fetch(request);
      isConnected.value = true;
      if (response.status === 401) ended('ended');
      return response;
    } catch (error) {
      if (!request.signal.aborted) isConnected.value = false;
      throw error;
    }
  },
});

/** What a person reads about a failure: what it is, and what to do. */
export interface Failure {
  readonly message: string;
  readonly cure?: string | undefined;
  readonly code?: string | undefined;
  /** Whether the message is in the language of the page; in English by default. */
  readonly isTranslated?: boolean;
  /** What was wrong with which field, by JSON pointer: `/names/0`. */
  readonly fields: Readonly<Record<string, string>>;
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof ApiError))
    return {
      message: error instanceof Error ? error.message : String(error),
      isTranslated: true,
      fields: {},
    };
  const { message, cure, code, problem } = error;
  const fields = Object.fromEntries(
    (problem?.errors ?? []).flatMap(({ pointer, parameter, detail }) =>
      [pointer, parameter].filter((name) => name !== undefined).map((name) => [name, detail]),
    ),
  );
  return { message: problem?.detail ?? message, cure, code, fields };
}
