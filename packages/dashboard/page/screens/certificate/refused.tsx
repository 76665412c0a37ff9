import { DataText } from '../../elements/data-text.tsx';
import { Instant } from '../../elements/instant.tsx';
import { Waiting } from '../../elements/listing.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { strings } from '../../strings/strings.ts';

const words = (await strings('certificate')).refused;

/** What the CA issued and is not used, with the reason. Nothing is shown where there is none. */
export function Refused({ id }: { readonly id: string }) {
  const refused = useLoaded(
    id,
    async (signal) =>
      (await api.GET('/api/certificates/{id}/refused', { params: { path: { id } }, signal })).data,
  );
  const { data, failure } = refused;
  if (!failure.value && (data.value?.items ?? []).length === 0) return null;
  return (
    <section class="panel" aria-labelledby="refused">
      <h2 id="refused">{words.heading}</h2>
      <p>{words.text}</p>
      <Waiting loaded={refused}>
        {({ items }) =>
          items.map(({ id: key, order, at, code, message, chain }) => (
            <article key={key} class="problem">
              <p>
                <DataText text={message} />
              </p>
              <p>
                <code>{code}</code> <Instant at={at} as="exact" />{' '}
                <a href={`/orders/${order}`}>{words.order}</a>
              </p>
              <details>
                <summary>{words.chain}</summary>
                <pre>{chain}</pre>
              </details>
            </article>
          ))
        }
      </Waiting>
    </section>
  );
}
