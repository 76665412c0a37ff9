import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing } from '../../elements/listing.tsx';
import { Names } from '../../elements/names.tsx';
import { State } from '../../elements/state.tsx';
import { api } from '../../server.ts';
import { may, session } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import type { Host, Report } from './host.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('hosts');

/** A host and what it serves; open at first where it is behind. */
export function HostPanel({ host, onDone }: { readonly host: Host; readonly onDone: () => void }) {
  const { name, reports, behind, reportedAt } = host;
  return (
    <details class="panel host" open={behind > 0}>
      <summary>
        <h2>
          <bdi>{visibleText(name)}</bdi>
        </h2>
        <State state={behind > 0 ? 'behind' : 'current'} />
        <span>{words.count(reports.length, behind)}</span>
        <span>
          {words.reported} <Instant at={reportedAt} />
        </span>
      </summary>
      <Listing
        caption={words.serves(name)}
        columns={columns}
        rows={reports}
        keyOf={({ certificate }) => certificate}
      />
      {mayRemove(host) ? (
        <div class="actions">
          <button
            type="button"
            class="quiet danger"
            aria-label={`${words.remove.action}: ${name}`}
            onClick={() => remove(host, onDone)}
          >
            {words.remove.action}…
          </button>
        </div>
      ) : null}
    </details>
  );
}

/** The reports of a host are removed by the key that made them, or by one for every name. */
function mayRemove({ keys }: Host): boolean {
  const { key = '', names = [] } = session.value ?? {};
  return may('agents:write') && (names.includes('*') || keys.includes(key));
}

const columns: readonly Column<Report>[] = [
  {
    title: words.columns.certificate,
    cell: ({ certificate, names }) => (
      <a href={`/certificates/${certificate}`}>
        <Names names={names} />
      </a>
    ),
  },
  {
    title: words.columns.state,
    cell: ({ state, since }) => (
      <>
        <State state={state} />{' '}
        <small>
          {words.since} <Instant at={since} />
        </small>
      </>
    ),
  },
  {
    title: words.columns.serial,
    cell: ({ serialNumber }) =>
      serialNumber === undefined ? words.nothing : <code>{serialNumber}</code>,
  },
  {
    title: words.columns.evidence,
    cell: ({ evidence }) =>
      evidence === undefined ? words.evidence.none : words.evidence[evidence],
  },
  {
    title: words.columns.failure,
    cell: ({ failure }) =>
      failure === undefined ? (
        '–'
      ) : (
        <>
          <code>{failure.code}</code>{' '}
          <small>
            {words.since} <Instant at={failure.since} />
          </small>
        </>
      ),
  },
];

function remove({ name, reports }: Host, onDone: () => void): void {
  ask({
    title: words.remove.title,
    content: (
      <>
        <p>
          <strong>
            <bdi>{visibleText(name)}</bdi>
          </strong>
        </p>
        <p>{words.remove.text(reports.length)}</p>
      </>
    ),
    action: words.remove.action,
    isDestructive: true,
    async run() {
      await api.DELETE('/api/agents/{name}', { params: { path: { name } } });
      announce(words.remove.done(name));
      onDone();
    },
  });
}
