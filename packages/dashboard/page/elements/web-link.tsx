import type { ComponentChildren } from 'preact';
import { visibleText } from '../visible-text.ts';

/** A link that someone else wrote. It is one only if it leads to the web, in a window of its own. */
export function WebLink({
  url,
  children = visibleText(url),
}: {
  readonly url: string;
  readonly children?: ComponentChildren;
}) {
  if (!/^https?:\/\//i.test(url)) return <bdi>{visibleText(url)}</bdi>;
  return (
    <a href={url} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  );
}
