import type { components } from '@acmex/api';
import { DataText } from '../../elements/data-text.tsx';
import { Facts } from '../../elements/facts.tsx';
import { Fingerprint } from '../../elements/fingerprint.tsx';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing, Waiting } from '../../elements/listing.tsx';
import { Mark } from '../../elements/state.tsx';
import type { Loaded } from '../../loaded.ts';
import { strings } from '../../strings/strings.ts';
import { visibleText } from '../../visible-text.ts';

const words = (await strings('certificate')).served;
type Status = components['schemas']['CertificateStatus'];
type Server = Status['served'][number];

const tones = {
  valid: 'good',
  good: 'good',
  same: 'good',
  invalid: 'bad',
  revoked: 'bad',
  different: 'bad',
  unknown: 'calm',
} as const;

const columns: readonly Column<Server>[] = [
  {
    title: words.server,
    cell: ({ host, port, address }) => (
      <>
        <bdi>{visibleText(`${host}:${port}`)}</bdi>{' '}
        {address ? <small>{visibleText(address)}</small> : null}
      </>
    ),
  },
  {
    title: words.serves,
    cell: ({ status }) => <Mark tone={tones[status]}>{words.statuses[status]}</Mark>,
  },
  { title: words.details, cell: (server) => <ServerDetails server={server} /> },
  { title: words.seen, cell: ({ seenAt }) => <Instant at={seenAt} /> },
];

/** What the server finds out about a certificate: chain, revocation, and what its names serve. */
export function Served({ status }: { readonly status: Loaded<Status> }) {
  return (
    <section class="panel" aria-labelledby="served">
      <div class="heading">
        <h2 id="served">{words.heading}</h2>
        <button
          type="button"
          class="quiet"
          disabled={status.isLoading.value}
          onClick={status.reload}
        >
          {words.again}
        </button>
      </div>
      <Waiting loaded={status}>
        {({ chain, revocation, served }) => (
          <>
            <Facts
              facts={[
                [words.trust, <Trust chain={chain} />],
                [words.revocation, <Revocation revocation={revocation} />],
              ]}
            />
            {served.length > 0 ? (
              <Listing
                caption={words.heading}
                columns={columns}
                rows={served}
                keyOf={({ host, port, address = '' }) => `${host} ${port} ${address}`}
              />
            ) : (
              <p class="hint">{words.nothing}</p>
            )}
            <p class="hint">{words.hint}</p>
          </>
        )}
      </Waiting>
    </section>
  );
}

function Trust({ chain }: { readonly chain: Status['chain'] }) {
  return (
    <>
      <Mark tone={tones[chain.status]}>{words.statuses[chain.status]}</Mark>{' '}
      {chain.status === 'valid' ? (
        <>
          {words.sources[chain.anchor.source]}: <DataText text={chain.anchor.subject} />
        </>
      ) : (
        <DataText text={chain.reason} />
      )}
    </>
  );
}

function Revocation({ revocation }: { readonly revocation: Status['revocation'] }) {
  return (
    <>
      <Mark tone={tones[revocation.status]}>{words.statuses[revocation.status]}</Mark>{' '}
      {revocation.status === 'good' ? words.proof(revocation.source) : null}
      {revocation.status === 'good' && revocation.until ? (
        <>
          , {words.until} <Instant at={revocation.until} />
        </>
      ) : null}
      {revocation.status === 'revoked' ? (
        <>
          <Instant at={revocation.at} as="exact" />, {words.proof(revocation.source)}:{' '}
        </>
      ) : null}
      {revocation.status === 'good' ? null : <DataText text={revocation.reason} />}
    </>
  );
}

function ServerDetails({ server }: { readonly server: Server }) {
  if (server.status === 'same') return null;
  if (server.status === 'unknown') return <DataText text={server.reason} />;
  return (
    <>
      {words.serialNumber} <Fingerprint value={server.serialNumber} label={words.serialNumber} />
      {server.notAfter ? (
        <>
          {words.until} <Instant at={server.notAfter} as="date" />
        </>
      ) : null}
    </>
  );
}
