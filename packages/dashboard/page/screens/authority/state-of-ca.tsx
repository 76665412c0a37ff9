import { save } from '../../download.ts';
import { DataText } from '../../elements/data-text.tsx';
import { type Fact, Facts } from '../../elements/facts.tsx';
import { Fingerprint } from '../../elements/fingerprint.tsx';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing } from '../../elements/listing.tsx';
import { Mark, type Tone } from '../../elements/state.tsx';
import { strings } from '../../strings/strings.ts';
import { now } from '../../time.ts';
import { type Authority, isRootOverdue, type Issuer, type ListState, listState } from './lists.ts';

const words = await strings('authority');

const tones: Readonly<Record<ListState, Tone>> = {
  current: 'good',
  due: 'busy',
  overdue: 'bad',
  none: 'calm',
  ended: 'calm',
};

/** The root, the issuing certificates and the age of their revocation lists. */
export function StateOfCa({ authority }: { readonly authority: Authority }) {
  const { kind, issuers } = authority;
  const isOverdue = issuers.some((issuer) => listState(issuer, now.value) === 'overdue');
  return (
    <>
      {isOverdue ? <p class="warning">{words.overdue}</p> : null}
      {isRootOverdue(authority, now.value) ? <p class="warning">{words.rootOverdue}</p> : null}
      {kind === 'development' ? <p class="note">{words.development}</p> : null}
      <section class="panel" aria-labelledby="root">
        <div class="heading">
          <h2 id="root">{words.root}</h2>
          <button
            type="button"
            class="quiet"
            onClick={() => save(new Blob([authority.root.pem]), 'ca-root.pem')}
          >
            {words.downloadRoot}
          </button>
        </div>
        <Facts facts={rootFacts(authority)} />
      </section>
      <h2>{words.issuers.heading}</h2>
      <Listing
        caption={words.issuers.heading}
        columns={columns}
        rows={issuers}
        keyOf={({ generation }) => String(generation)}
      />
    </>
  );
}

function rootFacts({ root: { certificate }, rootCrl }: Authority): readonly Fact[] {
  return [
    [words.name, <DataText text={certificate.subject} />],
    [words.ends, <Instant at={certificate.notAfter} as="date" />],
    [words.keyType, certificate.keyType],
    [words.fingerprint, <Fingerprint value={certificate.fingerprint} label={words.fingerprint} />],
    [
      words.rootCrl,
      rootCrl && (
        <>
          {words.rootCrlUntil} <Instant at={rootCrl.nextUpdate} as="date" />
        </>
      ),
    ],
  ];
}

const columns: readonly Column<Issuer>[] = [
  {
    title: words.issuers.issuer,
    cell: ({ certificate: { subject, notAfter }, generation }) => (
      <span class="names">
        <DataText text={subject} />
        <small>
          {generation}, {words.issuers.until} <Instant at={notAfter} as="date" />
        </small>
      </span>
    ),
  },
  {
    title: words.issuers.list,
    cell: (issuer) => {
      const state = listState(issuer, now.value);
      return (
        <span class="names">
          <Mark tone={tones[state]}>{words.lists[state]}</Mark>
          {issuer.crl?.isComplete === false ? <small>{words.incomplete}</small> : null}
        </span>
      );
    },
  },
  {
    title: words.issuers.age,
    cell: ({ crl }) => (crl ? <Instant at={crl.thisUpdate} /> : '–'),
  },
  {
    title: words.issuers.next,
    cell: ({ crl }) => (crl ? <Instant at={crl.nextUpdate} /> : '–'),
  },
  {
    title: words.issuers.responder,
    cell: ({ ocspResponder }) =>
      ocspResponder ? (
        <>
          {words.issuers.responderUntil} <Instant at={ocspResponder.notAfter} as="date" />
        </>
      ) : (
        words.issuers.noResponder
      ),
  },
];
