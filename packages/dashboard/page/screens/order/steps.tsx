import type { components } from '@acmex/api';
import { Instant } from '../../elements/instant.tsx';
import { type Column, Listing } from '../../elements/listing.tsx';
import { ServerText } from '../../elements/server-text.tsx';
import { strings } from '../../strings/strings.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('order');
type Step = components['schemas']['Step'];

const columns: readonly Column<Step>[] = [
  { title: words.stepColumns.at, cell: ({ at }) => <Instant at={at} as="second" /> },
  { title: words.stepColumns.step, cell: ({ type }) => wordOf(type) },
  {
    title: words.stepColumns.subject,
    cell: ({ name, message }) => (
      <>
        {name === undefined ? null : <bdi>{visibleText(name)}</bdi>}
        {name !== undefined && message !== undefined ? ' ' : ''}
        {message === undefined ? null : <ServerText text={message} />}
      </>
    ),
  },
];

/** What was seen on the way, the last first: what comes appears at the top. */
export function Steps({ steps }: { readonly steps: readonly Step[] }) {
  return (
    <section class="part" aria-labelledby="steps">
      <h2 id="steps">{words.steps}</h2>
      {steps.length === 0 ? <p class="empty">{words.noSteps}</p> : null}
      {steps.length === 0 ? null : (
        <Listing
          caption={words.steps}
          columns={columns}
          rows={steps.toReversed()}
          keyOf={({ number }) => String(number)}
        />
      )}
    </section>
  );
}

/** The word of a step, or the name of a step that this version does not know. */
function wordOf(type: string): string {
  return Object.hasOwn(words.stepTypes, type)
    ? words.stepTypes[type as keyof typeof words.stepTypes]
    : type;
}
