import type { components } from '@acmex/api';
import { announce } from '../elements/announce.tsx';
import { ask } from '../elements/ask.tsx';
import { type Column, Listing, Waiting } from '../elements/listing.tsx';
import { labelFault } from '../labels.ts';
import { useTitle } from '../elements/title.ts';
import { api, PageError } from '../server.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { words as shell } from '../words.ts';
import { urlOfNew } from './new-certificate/address.ts';
import { type Choices, useChoices } from './new-certificate/choices.ts';
import { valuesIn, wishesOf } from './new-certificate/wishes.ts';
import { TemplateFields } from './templates/template-fields.tsx';
import { visibleText } from '../visible-text.ts';

const words = await strings('templates');
const orderWords = await strings('newCertificate');
type Template = components['schemas']['Template'];

/** Values of certificates under a name, which orders take. */
export function Templates() {
  useTitle(words.title);
  const choices = useChoices();
  const { data, reload } = choices;
  return (
    <>
      <div class="heading">
        <h1>{words.title}</h1>
        {may('certificates:write') && data.value ? (
          <button
            type="button"
            class="primary"
            onClick={() => data.value && edit(undefined, data.value, reload)}
          >
            {words.new}…
          </button>
        ) : null}
      </div>
      <p>{words.text}</p>
      <Waiting loaded={choices}>
        {(loaded) =>
          loaded.templates.length === 0 ? (
            <p class="empty">{words.empty}</p>
          ) : (
            <Listing
              caption={words.title}
              columns={columnsOf(loaded, reload)}
              rows={loaded.templates}
              keyOf={({ name }) => name}
            />
          )
        }
      </Waiting>
    </>
  );
}

function columnsOf(choices: Choices, reload: () => void): readonly Column<Template>[] {
  return [
    { title: words.columns.name, cell: ({ name }) => <bdi>{visibleText(name)}</bdi> },
    { title: words.columns.values, cell: (template) => <TemplateValues template={template} /> },
    {
      title: words.columns.labels,
      cell: ({ labels = {} }) =>
        Object.entries(labels).map(([name, value]) => (
          <span key={name} class="label">
            {visibleText(`${name}=${value}`)}
          </span>
        )),
    },
    {
      title: words.columns.actions,
      cell: (template) => (
        <div class="actions">
          {may('orders:write') ? (
            <a class="button" href={urlOfNew({ template: template.name })}>
              {words.use}
            </a>
          ) : null}
          {may('certificates:write') ? (
            <>
              <button
                type="button"
                aria-label={words.changeNamed(template.name)}
                onClick={() => edit(template, choices, reload)}
              >
                {words.change}…
              </button>
              <button
                type="button"
                class="danger"
                aria-label={words.removeNamed(template.name)}
                onClick={() => remove(template, reload)}
              >
                {words.remove}…
              </button>
            </>
          ) : null}
        </div>
      ),
    },
  ];
}

/** What a template says; what it leaves to the defaults is not in it. */
function TemplateValues({ template }: { readonly template: Template }) {
  const { issuer, profile, keyType, challenge, dnsProvider, renewBeforeDays } = template;
  const { preferredChain, reuseKey, mustStaple } = template;
  const values: readonly (readonly [string, string | number | undefined])[] = [
    [orderWords.issuer, issuer],
    [orderWords.profile, profile],
    [orderWords.keyType, keyType],
    [orderWords.challenge, challenge],
    [orderWords.dnsProvider, dnsProvider],
    [orderWords.renewBeforeDays, renewBeforeDays],
    [orderWords.preferredChain, preferredChain],
    [orderWords.reuseKey, reuseKey ? words.yes : undefined],
    [orderWords.mustStaple, mustStaple ? words.yes : undefined],
  ];
  const written = values.filter(([, value]) => value !== undefined);
  if (written.length === 0) return <>{words.defaults}</>;
  return (
    <ul class="plain">
      {written.map(([title, value]) => (
        <li key={title}>
          {title}: <bdi>{visibleText(String(value))}</bdi>
        </li>
      ))}
    </ul>
  );
}

/** Changes a template, or makes one. */
function edit(template: Template | undefined, choices: Choices, reload: () => void): void {
  ask({
    title: template ? words.changeNamed(template.name) : words.new,
    content: <TemplateFields template={template} choices={choices} />,
    action: words.save,
    async run(form) {
      const values = valuesIn(form);
      const label = labelFault(values.labels);
      if (label !== undefined) throw new PageError(shell.labelFault(label));
      const name = template?.name ?? String(form.get('name')).trim();
      await api.PUT('/api/templates/{name}', {
        params: { path: { name } },
        body: wishesOf(values, template),
      });
      announce(words.saved(name));
      reload();
    },
  });
}

function remove({ name }: Template, reload: () => void): void {
  ask({
    title: words.removeNamed(name),
    content: <p>{words.removeText}</p>,
    action: words.remove,
    isDestructive: true,
    async run() {
      await api.DELETE('/api/templates/{name}', { params: { path: { name } } });
      announce(words.removed(name));
      reload();
    },
  });
}
