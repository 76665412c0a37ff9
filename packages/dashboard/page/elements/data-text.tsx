import { visibleText } from '../visible-text.ts';

/**
 * A text from a CA or a certificate, in English if it is in a language: it is shown as text, and
 * cannot change the text around it.
 */
export function DataText({ text }: { readonly text: string }) {
  return (
    <bdi class="data-text" lang="en">
      {visibleText(text)}
    </bdi>
  );
}
