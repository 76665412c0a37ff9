import type { ComponentChildren } from 'preact';
import { visibleContent } from '../visible-text.ts';

/** A title and its value; a value of `undefined` is left out. */
export type Fact = readonly [title: string, value: ComponentChildren];

/** Values with their titles. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="values">
      {facts
        .filter(([, value]) => value !== undefined)
        .map(([title, value]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{visibleContent(value)}</dd>
          </div>
        ))}
    </dl>
  );
}
