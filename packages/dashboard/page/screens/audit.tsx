import { useLocation } from 'preact-iso/router';
import { useTitle } from '../elements/title.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { type Filter, filterOf, urlOf } from './audit/filter.ts';
import { FilterForm } from './audit/filter-form.tsx';
import { AuditRecords, Events } from './audit/records.tsx';
import { Verify } from './audit/verify.tsx';

const words = await strings('audit');

/**
 * Who did what and from where, and everything that happened. An event says who asked for it; from
 * where they did is in the audit log alone, which needs a scope of its own.
 */
export function Audit() {
  useTitle(words.title);
  const { query } = useLocation();
  const filter: Filter = {
    ...filterOf(query),
    ...(may('audit:read') ? {} : { view: 'events' }),
  };
  const { cursor } = query;
  const isEvents = filter.view === 'events';
  return (
    <>
      <div class="heading">
        <h1>{isEvents ? words.views.events : words.title}</h1>
        <Views filter={filter} />
      </div>
      <p>{isEvents ? words.eventsText : words.text}</p>
      {isEvents ? null : <Verify />}
      <FilterForm key={urlOf(filter)} filter={filter} />
      {isEvents ? (
        <Events filter={filter} cursor={cursor} />
      ) : (
        <AuditRecords filter={filter} cursor={cursor} />
      )}
    </>
  );
}

function Views({ filter: { view, actor, ...filter } }: { readonly filter: Filter }) {
  if (!may('events:read') || !may('audit:read')) return null;
  return (
    <nav class="actions" aria-label={words.views.label}>
      <a href={urlOf(filter)} aria-current={view === undefined ? 'page' : undefined}>
        {words.title}
      </a>
      <a
        href={urlOf({ ...filter, view: 'events' })}
        aria-current={view === 'events' ? 'page' : undefined}
      >
        {words.views.events}
      </a>
    </nav>
  );
}
