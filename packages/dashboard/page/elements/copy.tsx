import { words } from '../words.ts';
import { announce } from './announce.tsx';
import { attempt } from './attempt.ts';

/** A button that copies a text. */
export function Copy({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <button
      type="button"
      class="quiet"
      aria-label={`${words.copy}: ${label}`}
      onClick={() =>
        attempt(async () => {
          // Pages that came over http have no clipboard, except from this machine.
          if (!window.isSecureContext) throw new Error(words.notCopied);
          await navigator.clipboard.writeText(text);
          announce(words.copied);
        })
      }
    >
      {words.copy}
    </button>
  );
}
