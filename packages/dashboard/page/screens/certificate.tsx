import type { components } from '@acmex/api';
import { useSignal } from '@preact/signals';
import { useRoute } from 'preact-iso/router';
import { Choice } from '../elements/choice.tsx';
import { Waiting } from '../elements/listing.tsx';
import { State } from '../elements/state.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { api } from '../server.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { visibleText } from '../visible-text.ts';
import { Actions } from './certificate/actions.tsx';
import { Chain } from './certificate/chain.tsx';
import { Downloads } from './certificate/downloads.tsx';
import { Hosts } from './certificate/hosts.tsx';
import { Overview } from './certificate/overview.tsx';
import { Reason } from './certificate/reason.tsx';
import { Refused } from './certificate/refused.tsx';
import { Served } from './certificate/served.tsx';
import { Timeline } from './certificate/timeline.tsx';

const words = await strings('certificate');
type CertificateData = components['schemas']['Certificate'];
type KeyType = CertificateData['keyType'];

/** Everything about one certificate, and what can be done with it. */
export function Certificate() {
  const { id = '' } = useRoute().params;
  return <CertificateOf key={id} id={id} />;
}

function CertificateOf({ id }: { readonly id: string }) {
  const certificate = useLoaded(
    id,
    async (signal) =>
      (await api.GET('/api/certificates/{id}', { params: { path: { id } }, signal })).data,
    { seconds: 5 },
  );
  const { data, reload } = certificate;
  const title = visibleText(data.value?.names[0] ?? id);
  useTitle(title);
  return (
    <>
      <div class="heading">
        <div class="certificate-title">
          <h1>
            <bdi>{title}</bdi>
          </h1>
          {data.value ? <State state={data.value.state} /> : null}
        </div>
        {data.value ? <Actions certificate={data.value} onChange={reload} /> : null}
      </div>
      <Waiting loaded={certificate}>
        {(loaded) => <Sections certificate={loaded} onChange={reload} />}
      </Waiting>
    </>
  );
}

function Sections({
  certificate,
  onChange,
}: {
  readonly certificate: CertificateData;
  readonly onChange: () => void;
}) {
  const { id, current, failure } = certificate;
  return (
    <>
      <Reason certificate={certificate} onChange={onChange} />
      <Overview certificate={certificate} onChange={onChange} />
      {current ? (
        <Issued key={current.generation} certificate={certificate} current={current} />
      ) : null}
      {may('agents:read') ? <Hosts id={id} /> : null}
      <Refused id={id} key={`refused ${failure?.at ?? ''}`} />
      {may('events:read') ? <Timeline id={id} /> : null}
    </>
  );
}

/** What there is of a certificate that was issued. */
function Issued({
  certificate,
  current: { generation, second, ...first },
}: {
  readonly certificate: CertificateData;
  readonly current: NonNullable<CertificateData['current']>;
}) {
  const { id, names, keyType } = certificate;
  const secondType = second?.keyType;
  const selected = useSignal(keyType);
  const query = secondType === undefined ? {} : { keyType: selected.value };
  const options = { params: { path: { id }, query } };
  const key = `${id} ${generation} ${selected.value}`;
  const details = useLoaded(
    key,
    async (signal) =>
      (await api.GET('/api/certificates/{id}/details', { ...options, signal })).data,
  );
  const status = useLoaded(
    key,
    async (signal) => (await api.GET('/api/certificates/{id}/status', { ...options, signal })).data,
  );
  const { chain } = status.data.value ?? {};
  const { chains = [] } = second && selected.value === secondType ? second : first;
  return (
    <>
      {secondType === undefined ? null : (
        <div
          class="filter"
          onChange={({ target }) => {
            if (target instanceof HTMLSelectElement) selected.value = target.value as KeyType;
          }}
        >
          <Choice
            label={words.settings.keyType}
            name="keyType"
            options={[keyType, secondType].map((type) => [type, type])}
          />
        </div>
      )}
      <Chain details={details} anchor={chain?.status === 'valid' ? chain.anchor : undefined} />
      <Served status={status} />
      <Downloads id={id} name={names[0]} chains={chains} keyType={query.keyType} />
    </>
  );
}
