import type { components } from '@acmex/api';
import { announce } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { attempt } from '../../elements/attempt.ts';
import { Field } from '../../elements/field.tsx';
import { RevocationReason } from '../../elements/revocation-reason.tsx';
import { labelFault, labelsOf } from '../../labels.ts';
import { api, PageError } from '../../server.ts';
import { may, type Scope } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { words as shell } from '../../words.ts';
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
            onClick={() => {
              const wanted = { action, filter: serverFilter(filter), onDone };
              if (action === 'label') askForLabel(wanted);
              else attempt(async () => await confirm(wanted));
            }}
          >
            {words.bulk[action]}…
          </button>
        ))}
      </div>
    </section>
  );
}

interface Wanted extends Pick<Body, 'filter' | 'labels'> {
  readonly action: Action;
  readonly onDone: () => void;
}

/** Asks for the label first, since it decides which certificates are changed. */
function askForLabel({ onDone, ...wanted }: Wanted): void {
  ask({
    title: words.bulk.label,
    content: (
      <Field label={words.bulk.labelField}>
        {(attributes) => <input {...attributes} name="label" required />}
      </Field>
    ),
    action: words.bulk.next,
    async run(form) {
      const text = String(form.get('label'));
      const line = labelFault(text);
      if (line !== undefined) throw new PageError(shell.labelFault(line));
      const labels = Object.fromEntries(
        Object.entries(labelsOf(text)).map(([name, value]) => [name, value === '' ? null : value]),
      );
      await confirm({ ...wanted, labels, onDone });
    },
  });
}

/** Counts what would be changed, says so, and changes that many and no more. */
async function confirm({ onDone, ...wanted }: Wanted): Promise<void> {
  const { action } = wanted;
  let expected = 0;
  // The server wants a reason to count, too; a person chooses it after that.
  const counting = action === 'revoke' ? { reason: 'unspecified' as const } : {};
  for await (const { matched = 0 } of repeated({ ...wanted, ...counting, dryRun: true }))
    expected += matched;
  if (expected === 0) return announce(words.bulk.none);
  return ask({
    title: words.bulk.title(words.bulk[action], expected),
    content: (
      <>
        <p>{words.bulk.text[action]}</p>
        {action === 'revoke' ? <RevocationReason label={words.bulk.reason} /> : null}
      </>
    ),
    action: words.bulk[action],
    isDestructive: action === 'revoke',
    async run(form) {
      const details = action === 'revoke' ? { reason: form.get('reason') as Reason, expected } : {};
      let done = 0;
      let failed = 0;
      for await (const result of repeated({ ...wanted, ...details })) {
        done += result.done.length;
        failed += result.failed.length;
      }
      announce(words.bulk.done(done, failed));
      onDone();
    },
  });
}

function serverFilter(filter: Filter) {
  const { sort, limit, cursor, ...rest } = queryOf(filter);
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
