import type { components } from '@acmex/api';
import { type ReadonlySignal, useSignal } from '@preact/signals';
import { announce } from '../../elements/announce.tsx';
import { attempt } from '../../elements/attempt.ts';
import { Copy } from '../../elements/copy.tsx';
import { DataText } from '../../elements/data-text.tsx';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing } from '../../elements/listing.tsx';
import { Mark } from '../../elements/state.tsx';
import { api } from '../../server.ts';
import { may } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { visibleText } from '../../visible-text.ts';
import { checkOf, type Finding, findingOf, recordsOf } from './records.ts';

const { records: words } = await strings('order');
type Schemas = components['schemas'];
type Order = Schemas['Order'];
type Record = Schemas['OrderRecord'];
type Check = Schemas['RecordCheck'];

/** The DNS records that a person sets for an order, and those that can be removed. */
export function Records({ order }: { readonly order: Order }) {
  const checks = useSignal<readonly Check[]>([]);
  const { wanted, removable } = recordsOf(order);
  return (
    <>
      {wanted.length === 0 ? null : (
        <section class="part" aria-labelledby="records">
          <h2 id="records">{words.title}</h2>
          <p>{words.text}</p>
          {order.recordsUntil === undefined ? null : (
            <p>
              {words.until} <Instant at={order.recordsUntil} as="second" />. {words.afterwards}
            </p>
          )}
          <Listing
            caption={words.title}
            columns={columnsOf(checks.value, removable)}
            rows={wanted}
            keyOf={keyOf}
          />
          {may('orders:write') ? <CheckNow id={order.id} checks={checks} /> : null}
        </section>
      )}
      {removable.length === 0 ? null : (
        <section class="part" aria-labelledby="removable">
          <h2 id="removable">{words.removableTitle}</h2>
          <p>{words.removableText}</p>
          <Listing
            caption={words.removableTitle}
            columns={columnsOfRecord}
            rows={removable}
            keyOf={keyOf}
          />
        </section>
      )}
    </>
  );
}

function keyOf({ domain, name, value }: Record): string {
  return `${domain} ${name} ${value}`;
}

const columnsOfRecord: readonly Column<Record>[] = [
  { title: words.columns.domain, cell: ({ domain }) => <bdi>{visibleText(domain)}</bdi> },
  {
    title: words.columns.name,
    cell: ({ name, domain }) => (
      <>
        <code>{visibleText(name)}</code> <Copy text={name} label={words.nameOf(domain)} />
      </>
    ),
  },
  { title: words.columns.type, cell: ({ type }) => type },
  {
    title: words.columns.value,
    cell: ({ value, domain }) => (
      <>
        <code>{visibleText(value)}</code> <Copy text={value} label={words.valueOf(domain)} />
      </>
    ),
  },
];

function columnsOf(
  checks: readonly Check[],
  removable: readonly Record[],
): readonly Column<Record>[] {
  return [
    ...columnsOfRecord,
    {
      title: words.columns.state,
      cell: (record) => {
        const check = checkOf(record, checks);
        return (
          <>
            <Mark tone={record.state === 'seen' ? 'good' : 'busy'}>
              {record.state === 'seen' ? words.seen : words.wanted}
            </Mark>
            {check ? <Found check={check} finding={findingOf(check, removable)} /> : null}
          </>
        );
      },
    },
  ];
}

/** What the last check has found of a record, and what each server shows. */
function Found({ check, finding }: { readonly check: Check; readonly finding: Finding }) {
  const { answers, error } = check;
  return (
    <>
      <p>{textOf(finding)}</p>
      {error === undefined ? null : (
        <p class="hint">
          <DataText text={error} />
        </p>
      )}
      {answers.length === 0 ? null : (
        <details>
          <summary>{words.servers}</summary>
          <ul>
            {answers.map(({ server, state, values = [], error: reason }) => (
              <li key={server}>
                <DataText text={server} />: {words.serverStates[state]}{' '}
                {state === 'different'
                  ? values.map((value, index) => (
                      <q key={index}>
                        <DataText text={value} />
                      </q>
                    ))
                  : null}
                {reason === undefined ? null : <DataText text={reason} />}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function textOf(finding: Finding): string {
  if (finding.type === 'seen') return words.seenAt(finding.total);
  if (finding.type === 'partly') return words.partly(finding.seen, finding.total);
  return words.findings[finding.type];
}

function CheckNow({
  id,
  checks,
}: {
  readonly id: string;
  readonly checks: ReadonlySignal<readonly Check[]> & { value: readonly Check[] };
}) {
  const isChecking = useSignal(false);
  const check = async () => {
    if (isChecking.value) return;
    isChecking.value = true;
    try {
      const { data } = await api.POST('/api/orders/{id}/records/check', {
        params: { path: { id } },
      });
      checks.value = data.checks;
      const seen = data.checks.filter(
        ({ answers }) => answers.length > 0 && answers.every(({ state }) => state === 'seen'),
      );
      announce(words.checked(seen.length, data.checks.length));
    } finally {
      isChecking.value = false;
    }
  };
  return (
    <p>
      <button
        type="button"
        class="primary"
        aria-disabled={isChecking.value}
        onClick={() => attempt(check)}
      >
        {isChecking.value ? words.checking : words.check}
      </button>
    </p>
  );
}
