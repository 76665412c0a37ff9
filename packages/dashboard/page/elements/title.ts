import { useEffect } from 'preact/hooks';
import { visibleText } from '../visible-text.ts';

/** Sets the title of the window, which can have a text of others. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = visibleText(`${title} · AcmeX`);
  }, [title]);
}
