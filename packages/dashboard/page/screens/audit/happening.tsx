import type { components } from '@acmex/api';
import { Names } from '../../elements/names.tsx';
import { strings } from '../../strings/strings.ts';

const words = await strings('audit');
type Action = components['schemas']['AuditRecord']['actions'][number];

/** What was done, and to what. */
export function Happening({ action }: { readonly action: Omit<Action, 'event'> }) {
  const { type, names, certificate, order, issuer, tenant, message, code } = action;
  return (
    <div class="happening">
      <strong>
        {Object.hasOwn(words.types, type) ? words.types[type as keyof typeof words.types] : type}
      </strong>{' '}
      {certificate === undefined ? (
        <Names names={names ?? []} />
      ) : (
        <a href={`/certificates/${certificate}`}>
          <Names names={names ?? [certificate]} />
        </a>
      )}{' '}
      {issuer === undefined ? null : <bdi>{issuer}</bdi>}{' '}
      {message === undefined ? null : <p>{message}</p>}
      <small>
        {code === undefined ? null : <code>{code} </code>}
        {order === undefined ? null : <a href={`/orders/${order}`}>{order}</a>}
        {tenant === undefined ? null : ` ${words.tenant} ${tenant}`}
      </small>
    </div>
  );
}
