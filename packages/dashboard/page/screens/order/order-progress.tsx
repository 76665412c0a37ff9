import { strings } from '../../strings/strings.ts';
import { type NameState, type OrderSoFar, type PhaseState, progressOf } from './progress.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('order');

const marks: Readonly<Record<PhaseState, string>> = {
  done: '✓',
  running: '↻',
  waiting: '○',
  failed: '✕',
};
const markOfName: Readonly<Record<NameState, PhaseState>> = {
  waiting: 'waiting',
  wanted: 'waiting',
  published: 'running',
  visible: 'running',
  checking: 'running',
  valid: 'done',
  failed: 'failed',
};

/** How far an order is: its phases, and each name in the phase of the challenges. */
export function OrderProgress({ order }: { readonly order: OrderSoFar }) {
  const { phases, names, done, total } = progressOf(order);
  return (
    <section class="part" aria-labelledby="progress">
      <h2 id="progress">{words.progress}</h2>
      <progress max={total} value={done} aria-labelledby="progress" />
      <p class="hint">{words.progressOf(done, total)}</p>
      <ol class="phases">
        {phases.map(({ name, state }) => (
          <li key={name} class={state}>
            <Mark state={state} /> {words.phases[name]}: {words.phaseStates[state]}
            {name === 'names' ? (
              <ul>
                {names.map((each) => (
                  <li key={each.name} class={markOfName[each.state]}>
                    <Mark state={markOfName[each.state]} /> <bdi>{visibleText(each.name)}</bdi>:{' '}
                    {words.nameStates[each.state]}
                  </li>
                ))}
              </ul>
            ) : null}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Mark({ state }: { readonly state: PhaseState }) {
  return (
    <span class="mark" aria-hidden="true">
      {marks[state]}
    </span>
  );
}
