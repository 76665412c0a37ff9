import { useLocation } from 'preact-iso/router';
import { routes } from '../../src/routes.ts';
import { Choice } from '../elements/choice.tsx';
import { Field } from '../elements/field.tsx';
import { Waiting } from '../elements/listing.tsx';
import { SearchForm } from '../elements/search-form.tsx';
import { useTitle } from '../elements/title.ts';
import { useLoaded } from '../loaded.ts';
import { api } from '../server.ts';
import { strings } from '../strings/strings.ts';
import { type Host, hostsOf, type Report } from './hosts/host.ts';
import { HostPanel } from './hosts/host-panel.tsx';
import { withQuery } from '../with-query.ts';

const words = await strings('hosts');

/** The highest number of reports that the screen reads. */
const longest = 5000;

/** Hosts with an agent: what each serves, and what is behind. */
export function Hosts() {
  useTitle(words.title);
  const { query, url } = useLocation();
  const { agent = '', state = '' } = query;
  const hosts = useLoaded(url, async (signal) => await readHosts({ agent, state }, signal), {
    seconds: 30,
  });
  return (
    <>
      <h1>{words.title}</h1>
      <p>{words.text}</p>
      <FilterForm key={url} agent={agent} state={state} />
      <Waiting loaded={hosts}>
        {({ all, isCut }) => (
          <>
            {isCut ? <p role="status">{words.cut(longest)}</p> : null}
            {all.length === 0 ? (
              <p class="empty">{agent || state ? words.noMatch : words.empty}</p>
            ) : null}
            {all.map((host) => (
              <HostPanel key={host.name} host={host} onDone={hosts.reload} />
            ))}
          </>
        )}
      </Waiting>
    </>
  );
}

interface Filter {
  readonly agent: string;
  readonly state: string;
}

async function readHosts(
  { agent, state }: Filter,
  signal: AbortSignal,
): Promise<{ readonly all: readonly Host[]; readonly isCut: boolean }> {
  const query = {
    limit: 1000,
    ...(agent === '' ? {} : { agent }),
    ...(state === 'current' || state === 'behind' ? { state: state as Report['state'] } : {}),
  };
  const reports: Report[] = [];
  for await (const report of api.items('/api/agents', { params: { query }, signal })) {
    if (reports.length === longest) return { all: hostsOf(reports), isCut: true };
    reports.push(report);
  }
  return { all: hostsOf(reports), isCut: false };
}

function FilterForm({ agent, state }: Filter) {
  return (
    <SearchForm
      addressOf={(entered) =>
        withQuery(routes.hosts, {
          agent: entered.agent || undefined,
          state: entered.state || undefined,
        })
      }
      clear={agent || state ? routes.hosts : undefined}
    >
      <Field label={words.search}>
        {(attributes) => (
          <input
            {...attributes}
            type="search"
            name="agent"
            defaultValue={agent}
            pattern="[a-z0-9][a-z0-9._\-]*"
            title={words.searchHint}
            spellcheck={false}
          />
        )}
      </Field>
      <Choice
        label={words.columns.state}
        name="state"
        value={state}
        options={[
          ['', words.any],
          ['behind', words.onlyBehind],
          ['current', words.onlyCurrent],
        ]}
      />
    </SearchForm>
  );
}
