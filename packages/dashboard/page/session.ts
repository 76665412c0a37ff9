import { signal } from '@preact/signals';
import type { components } from '@acmex/api';

/** Who is signed in, as the server says it. */
export type Session = components['schemas']['SignedIn'];

/** Why the server does not sign in, in its words. */
export interface Refusal {
  readonly message: string;
  readonly code?: string | undefined;
}

export type Scope = Session['scopes'][number];

/** `undefined` until the server has answered, `null` when no one is signed in. */
export const session = signal<Session | null | undefined>(undefined);

/** Whether there is an own CA that the session may see: see `watchOwnCa`. */
export const hasOwnCa = signal(false);

/** Why the page asks to sign in again; empty on the first visit. */
export const signedOutBecause = signal<'ended' | 'left' | undefined>(undefined);

/** Whether who is signed in may do what needs a scope. What is not allowed is not shown. */
export function may(scope: Scope): boolean {
  return session.value?.scopes.includes(scope) ?? false;
}

/**
 * Asks the server who is signed in by the cookie of this browser.
 * @throws what `fetch` throws where the server cannot be reached, and Error for an answer that cannot
 * be read
 */
export async function resume(): Promise<void> {
  const response = await fetch('/api/session');
  if (response.status === 401) return ended('ended');
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  const next: unknown = await response.json();
  if (!isSession(next)) throw new Error(unreadable.message);
  // Who is signed in rarely changes: the page is not drawn again for the same answer.
  if (JSON.stringify(next) !== JSON.stringify(session.peek())) session.value = next;
}

const unreadable: Refusal = {
  message: 'The answer of the server is not a session.',
  code: 'ERR_API_ANSWER',
};

/** Whether an answer has what all screens read of a session. */
function isSession(answer: unknown): answer is Session {
  const { scopes, names } = (answer ?? {}) as Partial<Session>;
  return Array.isArray(scopes) && Array.isArray(names);
}

/**
 * Signs in with an API key, which the page does not keep: the server answers with a cookie that no
 * script can read.
 *
 * @returns why it is refused; undefined after success
 */
export async function signIn(key: string): Promise<Refusal | undefined> {
  const response = await fetch('/api/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  }).catch((error: unknown) => error as Error);
  if (response instanceof Error) return { message: response.message, code: 'ERR_API_UNREACHABLE' };
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) {
    const { detail, code } = (answer ?? {}) as Partial<components['schemas']['Problem']>;
    return { message: detail ?? `${response.status} ${response.statusText}`, code };
  }
  if (!isSession(answer)) return unreadable;
  session.value = answer;
  signedOutBecause.value = undefined;
  return undefined;
}

type SignInMethods = components['schemas']['SignInMethods'];

/** Returns how people can sign in beside keys: in no way, if the server cannot be reached. */
export async function signInMethods(): Promise<SignInMethods> {
  try {
    const response = await fetch('/api/sign-in');
    return response.ok ? (((await response.json()) as SignInMethods | null) ?? {}) : {};
  } catch {
    // Who signs in with a key learns whether the server can be reached.
    return {};
  }
}

/**
 * Ends the session at the server. What the page holds of it goes with the page.
 * @throws Error if the server has not ended it
 */
export async function signOut(): Promise<void> {
  const response = await fetch('/api/session', { method: 'DELETE', headers: csrfHeader() });
  // With 401, it has already ended.
  if (!response.ok && response.status !== 401)
    throw new Error(`${response.status} ${response.statusText}`);
  ended('left');
}

/** The session is over: the page shows nothing that it has loaded any more. */
export function ended(reason: 'ended' | 'left'): void {
  if (session.peek()) signedOutBecause.value = reason;
  session.value = null;
}

export function csrfHeader(): Record<string, string> {
  const csrf = session.peek()?.csrf;
  return csrf === undefined ? {} : { 'x-csrf-token': csrf };
}
