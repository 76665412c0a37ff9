import { acmexApi, type AcmexApi, ApiError } from '@acmex/api';
import { isConnected } from './connection.ts';
import { csrfHeader, ended } from './session.ts';
import { words } from './words.ts';

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
  /** Whether message and cure are in the language of the page; in English by default. */
  readonly isTranslated?: boolean;
  /** What was wrong with which field, by JSON pointer: `/names/0`. */
  readonly fields: Readonly<Record<string, string>>;
}

/** What a person has to do, in the language of the page. */
export class PageError extends Error {
  override readonly name = 'PageError';
}

/** What the page does not expect, such as an answer without a part that every answer has. */
export const unexpected: Failure = { ...words.unexpected, isTranslated: true, fields: {} };

/** Returns what a person reads about an error. Only the console has the text of an unexpected one. */
export function failureOf(error: unknown): Failure {
  if (error instanceof PageError) return { message: error.message, isTranslated: true, fields: {} };
  if (!(error instanceof ApiError)) {
    console.error(error);
    return unexpected;
  }
  const { message, cure, code, problem } = error;
  const fields = Object.fromEntries(
    (problem?.errors ?? []).flatMap(({ pointer, parameter, detail }) =>
      [pointer, parameter].filter((name) => name !== undefined).map((name) => [name, detail]),
    ),
  );
  return { message: problem?.detail ?? message, cure, code, fields };
}
