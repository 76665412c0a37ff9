import { visibleText } from '../visible-text.ts';

/** A text that someone else wrote: as it is, apart from the lines around it, and no longer than they. */
export function DataText({ text }: { readonly text: string }) {
  return <bdi class="data-text">{visibleText(text)}</bdi>;
}
