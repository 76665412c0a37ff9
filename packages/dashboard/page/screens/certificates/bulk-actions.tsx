import type { components } from '@acmex/api';
import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Field } from '../../elements/field.tsx';
import { RevocationReason } from '../../elements/revocation-reason.tsx';
import { api } from '../../server.ts';
import { may, type Scope } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { type Filter, queryOf } from './filter.ts';

const words = await strings('certificates');
type Result = components['schemas']['ActionResult'];
type Reason = 'unspecified' | 'keyCompromise' | 'superseded' | 'cessationOfOperation';

const actions = ['renew', 'pause', 'resume', 'label', 'revoke'] as const;
type Action = (typeof actions)[number];
const scopes: Readonly<Record<Action, Scope>> = {
  renew: 'orders:write',
  pause: 'certificates:write',
  resume: 'certificates:write',
  label: 'certificates:write',
  revoke: 'certificates:revoke',
};

/** Buttons for everything that matches the filter, not only for the page that is shown. */
export function BulkActions({
  filter,
  onDone,
}: {
  readonly filter: Filter;
  readonly onDone: () => void;
}) {
  const allowed = actions.filter((action) => may(scopes[action]));
  if (allowed.length === 0) return null;
  return (
    <section class="bulk" aria-labelledby="bulk">
      <h2 id="bulk">{words.bulk.heading}</h2>
      <div class="actions">
        {allowed.map((action) => (
          <button
            key={action}
            type="button"
            class={action === 'revoke' ? 'danger' : undefined}
            onClick={() => void confirm(action, filter, onDone)}
          >
            {words.bulk[action]}…
          </button>
        ))}
      </div>
    </section>
  );
}

/** Counts what would be changed, says so, and changes that many and no more. */
async function confirm(action: Action, filter: Filter, onDone: () => void): Promise<void> {
  const wanted = { action, filter: serverFilter(filter) };
  let expected = 0;
  for await (const { matched = 0 } of repeated({ ...wanted, ...sample(action), dryRun: true }))
    expected += matched;
  if (expected === 0) return announce(words.bulk.none);
  return ask({
    title: words.bulk.title(words.bulk[action], expected),
    content: (
      <>
        <p>{words.bulk.text[action]}</p>
        {action === 'label' ? (
          <Field label={words.bulk.labelField}>
            {(attributes) => <input {...attributes} name="label" required pattern="[^=]+=.*" />}
          </Field>
        ) : null}
        {action === 'revoke' ? <RevocationReason label={words.bulk.reason} /> : null}
      </>
    ),
    action: words.bulk[action],
    isDestructive: action === 'revoke',
    async run(form) {
      let done = 0;
      let failed = 0;
      for await (const result of repeated({
        ...wanted,
        ...details(action, form),
        ...(action === 'revoke' ? { expected } : {}),
      })) {
        done += result.done.length;
        failed += result.failed.length;
      }
      announce(words.bulk.done(done, failed));
      onDone();
    },
  });
}

/** What the form adds to an action. */
function details(action: Action, form: FormData) {
  if (action === 'revoke') return { reason: form.get('reason') as Reason };
  if (action !== 'label') return {};
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/.exec(String(form.get('label'))) ?? [];
  return { labels: { [name.trim()]: value === '' ? null : value } };
}

/** What a dry run needs in place of what the form will say. */
function sample(action: Action) {
  return action === 'label' ? { labels: { '': null } } : {};
}

function serverFilter(filter: Filter) {
  const { sort, limit, cursor, ...rest } = queryOf(filter);
  void [sort, limit, cursor];
  return rest;
}

type Body = Parameters<typeof send>[0];

/** An action takes as many requests as the server needs for all that match. */
async function* repeated(body: Body): AsyncGenerator<Result> {
  let cursor: string | undefined;
  let expected = body.expected;
  do {
    const result = await send({
      ...body,
      ...(cursor === undefined ? {} : { cursor }),
      ...(expected === undefined ? {} : { expected }),
    });
    yield result;
    cursor = result.next;
    expected = expected === undefined ? undefined : result.remaining;
  } while (cursor !== undefined);
}

async function send(body: {
  readonly action: Action;
  readonly filter: ReturnType<typeof serverFilter>;
  readonly labels?: Record<string, string | null>;
  readonly reason?: Reason;
  readonly expected?: number;
  readonly dryRun?: boolean;
  readonly cursor?: string;
}): Promise<Result> {
  return (await api.POST('/api/certificates/actions', { body: { dryRun: false, ...body } })).data;
}
