import { useSignal } from '@preact/signals';
import { useLocation } from 'preact-iso/router';
import { useEffect, useRef } from 'preact/hooks';
import { Boundary } from '../elements/boundary.tsx';
import { Choice } from '../elements/choice.tsx';
import { Copy } from '../elements/copy.tsx';
import { Field } from '../elements/field.tsx';
import { Waiting } from '../elements/listing.tsx';
import { Problem } from '../elements/problem.tsx';
import { ErrorLanguage } from '../elements/server-text.tsx';
import { labelFault } from '../labels.ts';
import { useTitle } from '../elements/title.ts';
import { may } from '../session.ts';
import { strings } from '../strings/strings.ts';
import { words as shell } from '../words.ts';
import { type Prefilled, prefilledOf } from './new-certificate/address.ts';
import { type CheckedOrder, type Draft, useCheckedOrder } from './new-certificate/checked-order.ts';
import { type Choices, useChoices } from './new-certificate/choices.ts';
import { type EnteredName, readNames } from './new-certificate/names.ts';
import { Plan } from './new-certificate/plan.tsx';
import { valuesIn, valuesOf, wishesOf } from './new-certificate/wishes.ts';
import { WishFields } from './new-certificate/wish-fields.tsx';

const words = await strings('newCertificate');

/** Orders a certificate, and says while it is typed what is wrong and what would be ordered. */
export function NewCertificate() {
  useTitle(words.title);
  const { query } = useLocation();
  const choices = useChoices();
  return (
    <>
      <div class="heading">
        <h1>{words.title}</h1>
      </div>
      {may('orders:write') ? (
        <Waiting loaded={choices}>
          {(loaded) => <OrderForm choices={loaded} prefilled={prefilledOf(query)} />}
        </Waiting>
      ) : (
        <p class="empty">{words.notAllowed}</p>
      )}
    </>
  );
}

interface OrderFormProps {
  readonly choices: Choices;
  readonly prefilled: Prefilled;
}

function OrderForm({ choices, prefilled }: OrderFormProps) {
  const { route } = useLocation();
  const form = useRef<HTMLFormElement>(null);
  const order = useCheckedOrder();
  const template = useSignal(prefilled.template ?? '');
  const wishes = choices.templates.find(({ name }) => name === template.value);
  const change = () => {
    if (form.current) order.change(draftOf(form.current, choices, wishes));
  };
  // What is filled in at first, and what a template fills in, is checked too.
  useEffect(change, [template.value]);
  const submit = async () => {
    if (!form.current) return;
    const draft = draftOf(form.current, choices, wishes);
    const faults: Draft['faults'] = draft.names.length === 0 ? { names: words.noNames } : {};
    const id = await order.send({ ...draft, faults: { ...draft.faults, ...faults } });
    if (id !== undefined) return route(`/orders/${id}`);
    // The next frame has what is wrong.
    requestAnimationFrame(() => {
      form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
    });
  };
  return (
    <form
      ref={form}
      class="order-form"
      noValidate
      onInput={change}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <ErrorLanguage.Provider value={order.findings.value.language}>
        <NamesField names={prefilled.names ?? []} order={order} />
        <TemplateChoice
          choices={choices}
          value={template.value}
          onChoose={(name) => {
            template.value = name;
          }}
        />
        <WishFields
          key={template.value}
          values={valuesOf(wishes ?? { issuer: prefilled.issuer })}
          choices={choices}
          errors={order.findings.value.fields}
        />
      </ErrorLanguage.Provider>
      {order.failure.value ? <Problem failure={order.failure.value} /> : null}
      <Planned plan={order.plan.value} />
      <div class="actions">
        <button class="primary" disabled={order.isSending.value}>
          {words.submit}
        </button>
        <a href="/certificates">{words.back}</a>
      </div>
      <DeployHint />
    </form>
  );
}

/** What would be ordered. What the form has stays, whatever the answer is. */
function Planned({ plan }: { readonly plan: CheckedOrder['plan']['value'] }) {
  return (
    <div aria-live="polite">
      <Boundary subject={plan}>{plan ? <Plan plan={plan} /> : null}</Boundary>
    </div>
  );
}

/** The order that a form says, with what is wrong by the rules that the page knows. */
function draftOf(
  element: HTMLFormElement,
  choices: Choices,
  template: Choices['templates'][number] | undefined,
): Draft {
  const form = new FormData(element);
  const values = valuesIn(form);
  const names = readNames(String(form.get('names') ?? ''), values.challenge || choices.challenge);
  const label = labelFault(values.labels);
  return {
    names,
    wishes: wishesOf(values, template),
    faults: label === undefined ? {} : { labels: shell.labelFault(label) },
  };
}

function NamesField({
  names,
  order: { findings, names: entered },
}: {
  readonly names: readonly string[];
  readonly order: CheckedOrder;
}) {
  const lines = [
    ...entered.value.flatMap((name) => (name.fault ? [faultText(name)] : [])),
    ...findings.value.lines.map(({ line, text }) => words.line(line, text)),
  ];
  const { names: whole } = findings.value.fields;
  return (
    <Field
      label={words.names}
      hint={words.namesHint}
      error={[...(whole === undefined ? [] : [whole]), ...lines].join('\n')}
    >
      {(attributes) => (
        <textarea
          {...attributes}
          name="names"
          class="names-field"
          rows={Math.min(12, Math.max(4, names.length + 1))}
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          required
          defaultValue={names.join('\n')}
        />
      )}
    </Field>
  );
}

function faultText({ text, line, fault }: EnteredName): string {
  switch (fault?.type) {
    case 'form':
      return words.line(line, fault.message);
    case 'duplicate':
      return words.line(line, words.duplicate(text, fault.line));
    case 'wildcard':
      return words.line(line, words.wildcard(text, fault.challenge));
    case 'address':
      return words.line(line, words.address(text, fault.challenge));
    case undefined:
      return '';
  }
}

function TemplateChoice({
  choices: { templates },
  value,
  onChoose,
}: {
  readonly choices: Choices;
  readonly value: string;
  readonly onChoose: (name: string) => void;
}) {
  if (templates.length === 0) return null;
  return (
    <div
      onChange={({ target }) => {
        if (target instanceof HTMLSelectElement) onChoose(target.value);
      }}
    >
      <Choice
        label={words.template}
        name="template"
        value={value}
        hint={words.templateHint}
        options={[['', words.noTemplate], ...templates.map(({ name }) => [name, name] as const)]}
      />
    </div>
  );
}

/** How the certificate gets to where it is served. */
function DeployHint() {
  const command = `acmex agent --server ${location.origin} --key-file agent.key --directory /etc/acmex/tls --name web1`;
  return (
    <details>
      <summary>{words.deploy}</summary>
      <p>{words.deployText}</p>
      <pre>{command}</pre>
      <Copy text={command} label={words.deployCommand} />
    </details>
  );
}
