import { words } from '../words.ts';
import { announce } from './announce.tsx';

/** A button that copies a text. */
export function Copy({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <button
      type="button"
      class="quiet"
      aria-label={`${words.copy}: ${label}`}
      onClick={() => void navigator.clipboard.writeText(text).then(() => announce(words.copied))}
    >
      {words.copy}
    </button>
  );
}
