import { effect, signal } from '@preact/signals';
import { api } from './server.ts';
import { session } from './session.ts';

/** Whether there is a CA that who is signed in may see. */
export const hasOwnCa = signal(false);

/** Finds that out for each session. @returns what ends it */
export function watchOwnCa(): () => void {
  return effect(() => {
    const { scopes = [], tenant, names = [] } = session.value ?? {};
    hasOwnCa.value = false;
    // A key of a tenant, or one for some names, is refused.
    if (!scopes.includes('ca:read') || tenant !== 'default' || !names.includes('*')) return;
    const controller = new AbortController();
    const { signal: aborted } = controller;
    void api
      .GET('/api/ca', { signal: aborted })
      .then(({ data }) => {
        if (!aborted.aborted) hasOwnCa.value = data.authority !== undefined;
      })
      .catch(() => {
        // The screen itself says why it cannot be loaded.
      });
    return () => controller.abort();
  });
}
