import type { components } from '@acmex/api';
import { DataText } from '../../elements/data-text.tsx';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import { visibleText } from '../../visible-text.ts';

const words = (await strings('accounts')).issuers;
type Issuer = components['schemas']['Issuer'];

/** The CAs: whether orders are made there now, and what is left of their limits. */
export function Issuers() {
  const issuers = useLoaded(
    'issuers',
    async (signal) => (await api.GET('/api/issuers', { signal })).data.items,
    { seconds: 60 },
  );
  return (
    <section class="panel" aria-labelledby="issuers">
      <h2 id="issuers">{words.heading}</h2>
      <Waiting loaded={issuers}>
        {(items) => (
          <Listing
            caption={words.heading}
            columns={columns}
            rows={items}
            keyOf={({ name }) => name}
          />
        )}
      </Waiting>
    </section>
  );
}

const columns: readonly Column<Issuer>[] = [
  {
    title: words.ca,
    cell: ({ name, title, unavailable }) => (
      <span class="names">
        <bdi>{visibleText(title)}</bdi>
        <small>{visibleText(name)}</small>
        {unavailable ? (
          <small>
            {words.unused} <Instant at={unavailable.until} />:{' '}
            <DataText text={unavailable.message ?? unavailable.cause} />
          </small>
        ) : null}
      </span>
    ),
  },
  {
    title: words.left,
    cell: ({ budgets = [] }) => (
      <span class="names">
        {budgets.map(({ limit, subject = '', available, capacity, fullAt }) => (
          <span key={`${limit} ${subject}`}>
            <code>{limit}</code> <bdi>{visibleText(subject)}</bdi> {available} / {capacity}
            {fullAt ? (
              <small>
                , {words.full} <Instant at={fullAt} />
              </small>
            ) : null}
          </span>
        ))}
      </span>
    ),
  },
];
