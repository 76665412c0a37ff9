import { effect } from '@preact/signals';
import { api } from './server.ts';
import { hasOwnCa, session } from './session.ts';

/** Finds out for each session whether there is an own CA that it may see. @returns what ends it */
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
