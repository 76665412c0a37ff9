import type { components } from '@acmex/api';
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { DataText } from '../../elements/data-text.tsx';
import { Instant } from '../../elements/instant.tsx';
import { Waiting } from '../../elements/listing.tsx';
import { Problem } from '../../elements/problem.tsx';
import { WebLink } from '../../elements/web-link.tsx';
import { useLoaded } from '../../loaded.ts';
import { api, type Failure, failureOf } from '../../server.ts';
import { strings } from '../../strings/strings.ts';
import { type Entries, withEarlier, withNewest } from './timeline-pages.ts';

const words = (await strings('certificate')).timeline;
const types: Readonly<Record<string, string>> = (await strings('audit')).types;
type TimelineEntry = components['schemas']['TimelineEntry'];

/** What a person must see among many entries. */
const tones: Partial<Readonly<Record<TimelineEntry['type'], 'good' | 'warn' | 'bad'>>> = {
  renewal_success: 'good',
  certificate_obtained: 'good',
  certificate_deployed: 'good',
  alarm_resolved: 'good',
  private_key_read: 'warn',
  certificate_expiring: 'warn',
  renewal_late: 'warn',
  served_certificate_differs: 'warn',
  served_certificate_unreachable: 'warn',
  order_orphaned: 'warn',
  challenge_record_wanted: 'warn',
  renewal_failed: 'bad',
  challenge_failed: 'bad',
  deployment_failed: 'bad',
  certificate_expired: 'bad',
  certificate_revoked: 'bad',
  revocation_detected: 'bad',
};

/** What happened to a certificate: issue, renewal, deployment, readings of its key; and who did it. */
export function Timeline({ id }: { readonly id: string }) {
  const known = useRef<Entries>({ items: [] });
  const failure = useSignal<Failure | undefined>(undefined);
  const timeline = useLoaded(
    id,
    async (signal) => {
      known.current = withNewest(known.current, await page(id, { signal }));
      return known.current;
    },
    { seconds: 15 },
  );
  const loadMore = async () => {
    failure.value = undefined;
    try {
      const { next } = known.current;
      const earlier = await page(id, { cursor: next });
      // Another press, or a gap behind the newest page, has moved on.
      if (known.current.next === next) known.current = withEarlier(known.current, earlier);
      timeline.reload();
    } catch (error) {
      failure.value = failureOf(error);
    }
  };
  return (
    <section class="panel" aria-labelledby="timeline">
      <h2 id="timeline">{words.heading}</h2>
      <Waiting loaded={timeline}>
        {({ items, next }) => (
          <>
            {items.length === 0 ? <p class="hint">{words.none}</p> : null}
            <ol class="timeline">
              {items.map((entry) => (
                <Entry key={entry.id} entry={entry} />
              ))}
            </ol>
            {next === undefined ? null : (
              <button type="button" onClick={() => void loadMore()}>
                {words.more}
              </button>
            )}
          </>
        )}
      </Waiting>
      {failure.value ? <Problem failure={failure.value} /> : null}
    </section>
  );
}

async function page(
  id: string,
  { cursor, signal }: { readonly cursor?: string | undefined; readonly signal?: AbortSignal },
): Promise<Entries> {
  const query = { limit: 25, ...(cursor === undefined ? {} : { cursor }) };
  const { data } = await api.GET('/api/certificates/{id}/timeline', {
    params: { path: { id }, query },
    ...(signal ? { signal } : {}),
  });
  return data;
}

function Entry({ entry }: { readonly entry: TimelineEntry }) {
  const { type, time, message, code, order, explanationUrl } = entry;
  return (
    <li class={tones[type]}>
      <p>
        <strong>{types[type] ?? type}</strong> <Instant at={time} /> <Actor entry={entry} />
      </p>
      {message ? (
        <p>
          <DataText text={message} />
        </p>
      ) : null}
      <p class="hint">
        {code ? <code>{code}</code> : null}{' '}
        {order ? <a href={`/orders/${order}`}>{words.order}</a> : null}{' '}
        {explanationUrl ? <WebLink url={explanationUrl} /> : null}
      </p>
    </li>
  );
}

/** Who asked for it, and from where, as far as that is known. */
function Actor({ entry: { actor, origin } }: { readonly entry: TimelineEntry }) {
  const who = origin?.actor ?? actor ?? origin?.user;
  const where = [origin?.address ?? origin?.host, origin?.program].filter(Boolean).join(', ');
  if (who === undefined && where === '') return null;
  return (
    <small>
      {words.by} <DataText text={[who, where].filter(Boolean).join(' – ')} />
    </small>
  );
}
