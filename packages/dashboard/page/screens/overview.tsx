import { dayOf } from '../days.ts';
import { Waiting } from '../elements/listing.tsx';
import { Mark, State } from '../elements/state.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { loadSummary, type Summary } from '../summary.ts';
import { now } from '../time.ts';
import { words as shell } from '../words.ts';
import { states, urlOf } from './certificates/filter.ts';
import { Behind } from './overview/behind.tsx';
import { Failing } from './overview/failing.tsx';
import { FirstSteps } from './overview/first-steps.tsx';
import { Next } from './overview/next.tsx';
import { Strip } from './overview/strip.tsx';
import { UnderWay } from './overview/under-way.tsx';

const words = await strings('overview');
const stripDays = 90;

/** What needs a person, and what comes next. */
export function Overview() {
  useTitle(words.title);
  return (
    <>
      <h1>{words.title}</h1>
      {may('certificates:read') ? <Contents /> : <p class="empty">{words.notAllowed}</p>}
    </>
  );
}

function Contents() {
  const from = dayOf(now.value);
  const summary = useLoaded(
    from,
    async (signal) => await loadSummary({ from, days: stripDays }, signal),
    { seconds: 20 },
  );
  return (
    <Waiting loaded={summary}>
      {(loaded) => {
        if (Object.values(loaded.states).every((count) => count === 0)) return <FirstSteps />;
        return (
          <>
            <States summary={loaded} />
            <Strip days={loaded.days} from={from} count={stripDays} />
            <div class="overview">
              <div>
                <Failing count={loaded.states.failing} />
                {may('orders:read') ? <UnderWay summary={loaded} /> : null}
                {may('agents:read') ? <Behind /> : null}
              </div>
              <Next />
            </div>
          </>
        );
      }}
    </Waiting>
  );
}

function States({
  summary: { states: counts, awaiting },
}: {
  readonly summary: Pick<Summary, 'states' | 'awaiting'>;
}) {
  return (
    <ul class="counts" aria-label={words.states}>
      {states
        .filter((state) => counts[state] > 0)
        .map((state) => (
          <li key={state}>
            <a href={urlOf({ state })}>
              <strong>{counts[state]}</strong> <State state={state} />
            </a>
          </li>
        ))}
      {awaiting === 0 ? null : (
        <li>
          <a href={urlOf({ awaits: 'records' })}>
            <strong>{awaiting}</strong> <Mark tone="warn">{shell.awaitsRecords}</Mark>
          </a>
        </li>
      )}
    </ul>
  );
}
