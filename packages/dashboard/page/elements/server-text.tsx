import { createContext } from 'preact';
import { visibleText } from '../visible-text.ts';

/** A text of the server or of what it has asked, which is in English in each language of the page. */
export function ServerText({ text }: { readonly text: string }) {
  return <bdi lang="en">{visibleText(text)}</bdi>;
}

/** The language of the errors of the fields below it; that of the page by default. */
export const ErrorLanguage = createContext<'en' | undefined>(undefined);
