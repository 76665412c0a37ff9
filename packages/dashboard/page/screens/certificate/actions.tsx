import type { components } from '@acmex/api';
import { useLocation } from 'preact-iso/router';
import { announce, announceFailure } from '../../elements/announce.tsx';
import { ask } from '../../elements/ask.tsx';
import { Choice } from '../../elements/choice.tsx';
import { Names } from '../../elements/names.tsx';
import { RevocationReason } from '../../elements/revocation-reason.tsx';
import { api } from '../../server.ts';
import { may } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import type { words as shell } from '../../words.ts';
import { askForChanges } from './change-form.tsx';

const words = await strings('certificate');
type Certificate = components['schemas']['Certificate'];
type Reason = keyof (typeof shell)['revocationReasons'];

interface ActionsProps {
  readonly certificate: Certificate;
  readonly onChange: () => void;
}

/** The buttons for everything that a person may do with a certificate. */
export function Actions({ certificate, onChange }: ActionsProps) {
  const { route } = useLocation();
  const { current, order } = certificate;
  const isRevocable = current !== undefined && current.revokedAt === undefined;
  return (
    <div class="actions">
      {may('orders:write') && order === undefined && !certificate.paused ? (
        <button type="button" class="primary" onClick={() => askToRenew(certificate, route)}>
          {words.renew.action}
        </button>
      ) : null}
      {may('certificates:write') ? (
        <>
          <button type="button" onClick={() => askForChanges(certificate, onChange)}>
            {words.change.action}…
          </button>
          <button type="button" onClick={() => void setPaused(certificate, onChange)}>
            {certificate.paused ? words.resume.action : words.pause.action}
          </button>
        </>
      ) : null}
      {may('certificates:revoke') && may('orders:write') && isRevocable ? (
        <button type="button" class="danger" onClick={() => askToReplace(certificate, route)}>
          {words.replace.action}…
        </button>
      ) : null}
      {may('certificates:revoke') && revocable(certificate).length > 0 ? (
        <button type="button" class="danger" onClick={() => askToRevoke(certificate, onChange)}>
          {words.revoke.action}…
        </button>
      ) : null}
      {may('certificates:write') ? (
        <button type="button" class="danger" onClick={() => askToForget(certificate, route)}>
          {words.forget.action}…
        </button>
      ) : null}
    </div>
  );
}

function askToRenew({ id, names }: Certificate, route: (url: string) => void): void {
  ask({
    title: words.renew.title,
    content: <Subject text={words.renew.text} names={names} />,
    action: words.renew.action,
    run: async () => route(`/orders/${await renew(id)}`),
  });
}

/** The generations that can be revoked: the one in use, and those before it that are stored. */
function revocable({ current }: Certificate): readonly number[] {
  if (!current) return [];
  const { generation, revokedAt } = current;
  return [generation, generation - 1, generation - 2].filter(
    (number) => number > 0 && (number !== generation || revokedAt === undefined),
  );
}

function askToRevoke(certificate: Certificate, onChange: () => void): void {
  const { id, names, current } = certificate;
  ask({
    title: words.revoke.title,
    content: (
      <>
        <Subject text={words.revoke.text} names={names} />
        <Choice
          label={words.revoke.which}
          name="generation"
          options={revocable(certificate).map((generation) => [
            String(generation),
            generation === current?.generation
              ? words.revoke.inUse(generation)
              : words.revoke.earlier(generation),
          ])}
        />
        <RevocationReason label={words.reason} />
      </>
    ),
    action: words.revoke.action,
    isDestructive: true,
    async run(form) {
      await revoke(id, form.get('reason') as Reason, Number(form.get('generation')));
      announce(words.revoke.done);
      onChange();
    },
  });
}

function askToReplace({ id, names, current }: Certificate, route: (url: string) => void): void {
  ask({
    title: words.replace.title,
    content: (
      <>
        <Subject text={words.replace.text} names={names} />
        <RevocationReason label={words.reason} />
      </>
    ),
    action: words.replace.action,
    isDestructive: true,
    async run(form) {
      await revoke(id, form.get('reason') as Reason, current?.generation);
      announce(words.revoke.done);
      // It is revoked: the dialog must not offer that again because the order is refused.
      await renew(id).then(
        (order) => route(`/orders/${order}`),
        (error: unknown) => {
          announce(words.replace.notOrdered);
          announceFailure(error);
        },
      );
    },
  });
}

function askToForget({ id, names, declared }: Certificate, route: (url: string) => void): void {
  ask({
    title: words.forget.title,
    content: (
      <>
        <Subject text={words.forget.text} names={names} />
        {declared ? <p>{words.forget.declared}</p> : null}
      </>
    ),
    action: words.forget.action,
    isDestructive: true,
    async run() {
      await api.DELETE('/api/certificates/{id}', { params: { path: { id } } });
      announce(words.forget.done);
      route('/certificates');
    },
  });
}

/** What is done, and to which certificate. */
function Subject({ text, names }: { readonly text: string; readonly names: readonly string[] }) {
  return (
    <>
      <p>{text}</p>
      <p>
        <strong>
          <Names names={names} first={10} />
        </strong>
      </p>
    </>
  );
}

async function setPaused({ id, paused }: Certificate, onChange: () => void): Promise<void> {
  try {
    await api.PATCH('/api/certificates/{id}', {
      params: { path: { id } },
      body: { paused: !paused },
    });
    announce(paused ? words.resume.done : words.pause.done);
    onChange();
  } catch (error) {
    announceFailure(error);
  }
}

/** @returns the id of the order */
async function renew(id: string): Promise<string> {
  const { data } = await api.POST('/api/certificates/{id}/renew', { params: { path: { id } } });
  return data.id;
}

/** @param generation what the person saw: not one that is issued meanwhile */
async function revoke(id: string, reason: Reason, generation: number | undefined): Promise<void> {
  await api.POST('/api/certificates/{id}/revoke', {
    params: { path: { id } },
    body: { reason, ...(generation === undefined ? {} : { generation }) },
  });
}
