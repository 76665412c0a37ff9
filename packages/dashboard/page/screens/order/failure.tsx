import type { components } from '@acmex/api';
import { Instant } from '../../elements/instant.tsx';
import { Problem } from '../../elements/problem.tsx';
import { strings } from '../../strings/strings.ts';
import { type Refusal, refusals } from './progress.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('order');
type Order = components['schemas']['Order'];

/** Why an order failed: what it means and what to do, then what the CA itself says. */
export function OrderFailure({ order: { failure, state } }: { readonly order: Order }) {
  if (!failure) return null;
  const { message, cure, code, at, failures, retryAt, problem } = failure;
  const isTriedAgain = state === 'pending' || state === 'running';
  return (
    <section class="part" aria-labelledby="failure">
      <h2 id="failure">{words.failure}</h2>
      <Problem failure={{ message, cure, code, fields: {} }} />
      <p>
        {words.failures(failures)} {words.lastFailure} <Instant at={at} />.{' '}
        {state === 'pending' ? (
          <>
            {words.triedAgain} <Instant at={retryAt} />.
          </>
        ) : null}
        {isTriedAgain ? null : words.notTriedAgain}
      </p>
      <CaProblem refused={refusals(problem)} />
    </section>
  );
}

/** The problem document of the CA. RFC 8555 §6.7 */
export function CaProblem({ refused }: { readonly refused: readonly Refusal[] }) {
  if (refused.length === 0) return null;
  return (
    <>
      <h3>{words.ca}</h3>
      <table class="listing">
        <caption class="hidden">{words.ca}</caption>
        <thead>
          <tr>
            <th scope="col">{words.caColumns.name}</th>
            <th scope="col">{words.caColumns.type}</th>
            <th scope="col">{words.caColumns.detail}</th>
          </tr>
        </thead>
        <tbody>
          {refused.map(({ identifier, type, detail }, index) => (
            <tr key={index}>
              <td data-title={words.caColumns.name}>
                <div>
                  {identifier === undefined ? (
                    words.wholeOrder
                  ) : (
                    <bdi>{visibleText(identifier)}</bdi>
                  )}
                </div>
              </td>
              <td data-title={words.caColumns.type}>
                <div>
                  <code>
                    {visibleText(type?.replace(/^urn:ietf:params:acme:error:/, '') ?? '–')}
                  </code>
                </div>
              </td>
              <td data-title={words.caColumns.detail}>
                <div>
                  <q>
                    <bdi>{visibleText(detail ?? '')}</bdi>
                  </q>
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
