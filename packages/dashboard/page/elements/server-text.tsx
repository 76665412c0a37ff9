import { createContext } from 'preact';
import { visibleText } from '../visible-text.ts';
import { Instant } from './instant.tsx';

/** A moment of RFC 3339 §5.6 within a text. */
const moment = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))/;

/**
 * A text of the server or of what it has asked, which is in English in each language of the page. The
 * moments in it are in the time of the reader.
 */
export function ServerText({ text }: { readonly text: string }) {
  return (
    <bdi lang="en">
      {text
        .split(moment)
        .map((piece, index) =>
          index % 2 === 1 && !Number.isNaN(Date.parse(piece)) ? (
            <Instant key={index} at={piece} as="exact" />
          ) : (
            visibleText(piece)
          ),
        )}
    </bdi>
  );
}

/** The language of the errors of the fields below it; that of the page by default. */
export const ErrorLanguage = createContext<'en' | undefined>(undefined);
