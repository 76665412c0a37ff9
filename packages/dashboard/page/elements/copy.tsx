import { PageError } from '../server.ts';
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
          await copy(text);
          announce(words.copied);
        })
      }
    >
      {words.copy}
    </button>
  );
}

async function copy(text: string): Promise<void> {
  try {
    // Pages that came over http have no clipboard, except from this machine.
    await navigator.clipboard.writeText(text);
  } catch (cause) {
    throw new PageError(words.notCopied, { cause });
  }
}
