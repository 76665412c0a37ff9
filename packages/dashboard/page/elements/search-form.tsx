import type { ComponentChildren } from 'preact';
import { useLocation } from 'preact-iso/router';
import { strings } from '../strings/strings.ts';

const words = await strings('search');

/** A search in a list: it applies when the form is sent, and when a choice is made. */
export function SearchForm({
  addressOf,
  clear,
  children,
}: {
  /** The address of the list that shows what matches; the values have no blanks at their ends. */
  readonly addressOf: (entered: Readonly<Record<string, string>>) => string;
  /** The address of the whole list, where a filter applies now. */
  readonly clear: string | undefined;
  readonly children: ComponentChildren;
}) {
  const { route } = useLocation();
  const apply = (form: HTMLFormElement) => {
    const entries = [...new FormData(form)].map(([name, value]) => [name, String(value).trim()]);
    route(addressOf(Object.fromEntries(entries) as Record<string, string>));
  };
  return (
    <form
      class="filter"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        apply(event.currentTarget);
      }}
      onChange={({ currentTarget, target }) => {
        if (target instanceof HTMLSelectElement) apply(currentTarget);
      }}
    >
      {children}
      <div class="actions">
        <button>{words.apply}</button>
        {clear === undefined ? null : <a href={clear}>{words.clear}</a>}
      </div>
    </form>
  );
}
