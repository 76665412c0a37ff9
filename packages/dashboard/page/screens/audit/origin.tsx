import type { components } from '@acmex/api';
import { session } from '../../session.ts';
import { strings } from '../../strings/strings.ts';
import { type Filter, urlOf } from './filter.ts';
import { visibleText } from '../../visible-text.ts';

const words = await strings('audit');
type AuditOrigin = components['schemas']['AuditRecord']['origin'];

/** Who did something, and from where. */
export function Origin({
  origin: { actor, user, host, address, program, traceId },
  filter,
}: {
  readonly origin: AuditOrigin;
  readonly filter: Filter;
}) {
  const who = actor ?? user;
  const where = [user, host].filter((text) => text !== undefined).join('@');
  return (
    <span class="names origin">
      {who === undefined && address === undefined ? words.server : null}
      {who === undefined ? null : (
        <a href={urlOf({ ...filter, actor: who })} title={words.onlyActor}>
          <bdi>{visibleText(who)}</bdi>
        </a>
      )}
      {who !== undefined && session.value?.key === who ? <small>{words.you}</small> : null}
      {address === undefined ? null : <code>{visibleText(address)}</code>}
      <small>
        <bdi>{visibleText([program, where].filter(Boolean).join(', '))}</bdi>
      </small>
      {traceId === undefined ? null : (
        <small>
          {words.trace} <code>{traceId}</code>
        </small>
      )}
    </span>
  );
}
