import type { components } from '@acmex/api';
import { announce, announceFailure } from '../../elements/announce.tsx';
import { DataText } from '../../elements/data-text.tsx';
import { Instant } from '../../elements/instant.tsx';
import { Problem } from '../../elements/problem.tsx';
import { api } from '../../server.ts';
import { may } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { CaProblem } from '../order/failure.tsx';
import { refusals } from '../order/progress.ts';

const words = await strings('certificate');
type Certificate = components['schemas']['Certificate'];
type Failure = components['schemas']['Failure'];

/** Why a certificate is in its state: what is under way, and what failed. */
export function Reason({
  certificate,
  onChange,
}: {
  readonly certificate: Certificate;
  readonly onChange: () => void;
}) {
  const { state, current, order, failure, deployFailure, declared } = certificate;
  const text = state === 'valid' || state === 'failing' ? undefined : words.states[state];
  const isWaiting = failure?.failures === 0;
  return (
    <div class="reason">
      {text ? (
        <p>
          {text} {current?.revokedAt ? <Instant at={current.revokedAt} as="exact" /> : null}
          {state === 'waiting' && failure ? <Instant at={failure.retryAt} as="exact" /> : null}
        </p>
      ) : null}
      {isWaiting ? (
        <p>
          <DataText text={failure.message} />
        </p>
      ) : null}
      {declared ? <p>{words.declared}</p> : null}
      <UnderWay certificate={certificate} />
      {failure && !isWaiting ? (
        <Trouble title={words.failed} failure={failure} order={order} onChange={onChange} />
      ) : null}
      {deployFailure ? (
        <Trouble title={words.deployFailed} failure={deployFailure} onChange={onChange} />
      ) : null}
      {current?.warnings?.map((warning) => (
        <p key={warning} class="warning">
          <strong>{words.warning}:</strong> <DataText text={warning} />
        </p>
      ))}
    </div>
  );
}

/** The order that is under way, and whether a person has to do something for it. */
function UnderWay({ certificate: { order, awaits } }: { readonly certificate: Certificate }) {
  if (order === undefined) return null;
  const url = `/orders/${order}`;
  if (!awaits)
    return (
      <p>
        {words.underWay} {may('orders:read') ? <a href={url}>{words.followOrder}</a> : null}
      </p>
    );
  return (
    <p class="warning">
      {words.awaits.text}
      {awaits.until === undefined ? null : (
        <>
          {words.awaits.until} <Instant at={awaits.until} as="exact" />
        </>
      )}
      . {may('orders:read') ? <a href={url}>{words.awaits.show}</a> : null}
    </p>
  );
}

interface TroubleProps {
  readonly title: string;
  readonly failure: Failure;
  /** The order that is tried again; undefined where no button can do that. */
  readonly order?: string | undefined;
  readonly onChange: () => void;
}

function Trouble({ title, failure, order, onChange }: TroubleProps) {
  const { failures, at, retryAt, problem } = failure;
  const retry =
    order !== undefined && may('orders:write') ? () => void retryNow(order, onChange) : undefined;
  return (
    <section>
      <h2>{title}</h2>
      <Problem failure={{ ...failure, fields: {} }} onRetry={retry} />
      <p>
        {words.failures(failures)} <Instant at={at} />. {words.nextTry} <Instant at={retryAt} />.
      </p>
      <CaProblem refused={refusals(problem)} />
    </section>
  );
}

async function retryNow(id: string, onChange: () => void): Promise<void> {
  try {
    await api.POST('/api/orders/{id}/retry', { params: { path: { id } } });
    announce(words.retried);
    onChange();
  } catch (error) {
    announceFailure(error);
  }
}
