import type { components } from '@acmex/api';
import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { api, type Failure, failureOf } from '../../server.ts';
import { later } from '../../time.ts';
import { type Findings, findingsOf } from './findings.ts';
import type { EnteredName } from './names.ts';
import type { Wishes } from './wishes.ts';

/** An order as the form says it. */
export interface Draft {
  readonly names: readonly EnteredName[];
  readonly wishes: Wishes;
  /** What the page itself finds wrong, by the name of the field. */
  readonly faults: Readonly<Record<string, string>>;
}

export interface CheckedOrder {
  /** What is wrong by the page's own rules and by those of the server. */
  readonly findings: ReadonlySignal<Findings>;
  /** A failure that is not of a single field. */
  readonly failure: ReadonlySignal<Failure | undefined>;
  /** What would be ordered; absent while it is not known or something is wrong. */
  readonly plan: ReadonlySignal<components['schemas']['PlannedOrder'] | undefined>;
  readonly names: ReadonlySignal<readonly EnteredName[]>;
  readonly isSending: ReadonlySignal<boolean>;
  /** Checks a draft shortly after its last change. */
  readonly change: (draft: Draft) => void;
  /** Orders it. @returns the id of the order; undefined if something is wrong */
  readonly send: (draft: Draft) => Promise<string | undefined>;
}

const none: Findings = { lines: [], fields: {} };
const pauseMs = 350;

/** Checks an order while it is typed, by the page's rules and then by the server's, and sends it. */
export function useCheckedOrder(): CheckedOrder {
  const findings = useSignal(none);
  const failure = useSignal<Failure | undefined>(undefined);
  const plan = useSignal<CheckedOrder['plan']['value']>(undefined);
  const names = useSignal<readonly EnteredName[]>([]);
  const isSending = useSignal(false);
  const stop = useRef<() => void>(() => undefined);
  const sent = useSending();
  useEffect(() => () => stop.current(), []);

  /** @returns whether the page finds nothing wrong */
  const checkHere = (draft: Draft): boolean => {
    names.value = draft.names;
    failure.value = undefined;
    findings.value = { ...none, fields: draft.faults };
    return isFaultless(draft);
  };
  const refused = (error: unknown, draft: Draft) => {
    const reason = failureOf(error);
    plan.value = undefined;
    findings.value = { ...findingsOf(reason.fields, draft.names), language: 'en' };
    failure.value = Object.keys(reason.fields).length === 0 ? reason : undefined;
  };
  const check = async (draft: Draft, signal: AbortSignal) => {
    plan.value = undefined;
    if (!checkHere(draft) || draft.names.length === 0) return;
    try {
      // The plan is known at once, the findings are not.
      for (const network of [false, true]) {
        const body = { ...bodyOf(draft), network };
        plan.value = (await api.POST('/api/orders/check', { body, signal })).data;
      }
    } catch (error) {
      if (!signal.aborted) refused(error, draft);
    }
  };
  return {
    ...{ findings, failure, plan, names, isSending },
    change(draft) {
      stop.current();
      const controller = new AbortController();
      const forget = later(pauseMs, () => void check(draft, controller.signal));
      stop.current = () => {
        forget();
        controller.abort();
      };
    },
    async send(draft) {
      stop.current();
      if (!checkHere(draft)) return undefined;
      isSending.value = true;
      try {
        return await sent(draft);
      } catch (error) {
        refused(error, draft);
        return undefined;
      } finally {
        isSending.value = false;
      }
    },
  };
}

/** Returns what orders a draft. The same again, after an answer that was lost, is done once. */
function useSending(): (draft: Draft) => Promise<string> {
  const last = useRef({ text: '', key: '' });
  return async (draft) => {
    const body = bodyOf(draft);
    const text = JSON.stringify(body);
    if (last.current.text !== text) last.current = { text, key: crypto.randomUUID() };
    const header = { 'Idempotency-Key': last.current.key };
    return (await api.POST('/api/orders', { body, params: { header } })).data.id;
  };
}

function isFaultless({ names, faults }: Draft): boolean {
  return names.every(({ fault }) => fault === undefined) && Object.keys(faults).length === 0;
}

function bodyOf({ names, wishes }: Draft) {
  return { names: names.map(({ text }) => text), ...wishes };
}
