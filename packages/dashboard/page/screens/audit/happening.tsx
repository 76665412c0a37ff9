import type { components } from '@acmex/api';
import { Names } from '../../elements/names.tsx';
import { ServerText } from '../../elements/server-text.tsx';
import { strings } from '../../strings/strings.ts';
import { visibleText } from '../../visible-text.ts';
import { urlOf } from '../authority/filter.ts';

const words = await strings('audit');
type Action = components['schemas']['AuditRecord']['actions'][number];

const types: Readonly<Record<string, string>> = { ...words.types, ...words.caTypes };

/** What was done, and to what. */
export function Happening({ action }: { readonly action: Omit<Action, 'event'> }) {
  const { type, names, certificate, order, issuer, tenant, message, code } = action;
  const isOfCa = Object.hasOwn(words.caTypes, type);
  return (
    <div class="happening">
      <strong>{Object.hasOwn(types, type) ? types[type] : type}</strong>{' '}
      {certificate === undefined ? (
        <Names names={names ?? []} />
      ) : (
        <a href={isOfCa ? urlOf({ search: certificate }) : `/certificates/${certificate}`}>
          <Names names={names ?? [certificate]} />
        </a>
      )}{' '}
      {issuer === undefined ? null : <bdi>{visibleText(issuer)}</bdi>}{' '}
      {message === undefined ? null : (
        <p>
          <ServerText text={message} />
        </p>
      )}
      <small>
        {code === undefined ? null : <code>{code} </code>}
        {order === undefined || isOfCa ? null : <a href={`/orders/${order}`}>{order}</a>}
        {tenant === undefined ? null : ` ${words.tenant} ${tenant}`}
      </small>
    </div>
  );
}
