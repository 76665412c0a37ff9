import type { components } from '@acmex/api';
import { Instant } from '../../elements/instant.tsx';
import { Waiting } from '../../elements/listing.tsx';
import { Names } from '../../elements/names.tsx';
import { ServerText } from '../../elements/server-text.tsx';
import { useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { may } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { visibleText } from '../../visible-text.ts';
import { urlOf } from '../certificates/filter.ts';
import { inShort } from './in-short.ts';

const words = await strings('overview');
type Certificate = components['schemas']['Certificate'];

/** How many are listed; the list of certificates has all. */
const listed = 5;

/** What fails, and why. */
export function Failing({ count }: { readonly count: number }) {
  const failing = useLoaded(
    'failing',
    async (signal) => {
      const query = { state: 'failing', limit: listed } as const;
      return (await api.GET('/api/certificates', { params: { query }, signal })).data.items;
    },
    { seconds: 15 },
  );
  return (
    <section class="panel" aria-labelledby="failing">
      <h2 id="failing">{words.failing}</h2>
      <Waiting loaded={failing}>
        {(rows) =>
          rows.length === 0 ? (
            <p>{words.nothingFails}</p>
          ) : (
            <ul class="failures">
              {rows.map((certificate) => (
                <FailingCertificate key={certificate.id} certificate={certificate} />
              ))}
            </ul>
          )
        }
      </Waiting>
      {count > listed ? <a href={urlOf({ state: 'failing' })}>{words.allFailing(count)}</a> : null}
    </section>
  );
}

function FailingCertificate({
  certificate: { id, names, failure, order },
}: {
  readonly certificate: Certificate;
}) {
  return (
    <li>
      <a href={`/certificates/${id}`}>
        <Names names={names} first={2} />
      </a>
      {failure ? (
        <p title={visibleText(failure.message)}>
          <ServerText text={inShort(failure.message)} /> <code>{failure.code}</code>
        </p>
      ) : null}
      <p class="hint">
        {failure ? (
          <>
            {words.failures(failure.failures)} · {words.retry} <Instant at={failure.retryAt} />
          </>
        ) : null}
        {order !== undefined && may('orders:read') ? (
          <>
            {' · '}
            <a href={`/orders/${order}`}>{words.toOrder}</a>
          </>
        ) : null}
      </p>
    </li>
  );
}
