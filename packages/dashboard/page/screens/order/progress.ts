import type { components } from '@acmex/api';

type Order = components['schemas']['Order'];
type Step = components['schemas']['Step'];

/** How far a phase of an order is, by what was seen of it. */
export type PhaseState = 'waiting' | 'running' | 'done' | 'failed';
export const phaseNames = ['order', 'names', 'finalize', 'download'] as const;
export type PhaseName = (typeof phaseNames)[number];

/**
 * How far the validation of a name is. `wanted`: a person has to set its record.
 * `checking`: the CA was asked to validate it.
 */
export type NameState =
  'waiting' | 'wanted' | 'published' | 'visible' | 'checking' | 'valid' | 'failed';

export interface Progress {
  readonly phases: readonly { readonly name: PhaseName; readonly state: PhaseState }[];
  readonly names: readonly { readonly name: string; readonly state: NameState }[];
  /** How many of `total` things are done: the names, and each other phase. */
  readonly done: number;
  readonly total: number;
}

/** The part of an order that says how far it is. */
export type OrderSoFar = Pick<Order, 'names' | 'state' | 'steps' | 'url' | 'failure' | 'records'>;

const stateOfStep: ReadonlyMap<string, NameState> = new Map([
  ['presented', 'published'],
  ['visible', 'visible'],
  ['answered', 'checking'],
  ['already-valid', 'valid'],
]);

/** Says how far an order is. A try that makes a new order at the CA begins from the start. */
export function progressOf(order: OrderSoFar): Progress {
  const { state, url } = order;
  const steps = ofLastOrder(order.steps);
  const has = (...types: readonly string[]) => steps.some(({ type }) => types.includes(type));
  const isIssued = state === 'succeeded' || has('issued');
  const isFinalized = isIssued || has('finalized');
  const isValidated = isFinalized || has('validated');
  const isOrdered = isValidated || url !== undefined || steps.length > 0;
  const done = { order: isOrdered, names: isValidated, finalize: isFinalized, download: isIssued };
  const names = order.names.map((name) => ({
    name,
    state: nameState(name, { steps, order, isValidated }),
  }));
  const current = phaseNames.find((name) => !done[name]);
  const phases = phaseNames.map((name) => ({
    name,
    state: phaseState(order, { isDone: done[name], isCurrent: name === current }),
  }));
  const countedPhases = phases.filter((phase) => phase.name !== 'names');
  return {
    phases,
    names,
    done:
      names.filter((name) => name.state === 'valid').length +
      countedPhases.filter((phase) => phase.state === 'done').length,
    total: names.length + countedPhases.length,
  };
}

/** The steps since the last order was made at the CA. */
function ofLastOrder(steps: readonly Step[]): readonly Step[] {
  const first = steps.findLastIndex(({ type }) => type === 'ordered');
  return first === -1 ? steps : steps.slice(first);
}

function phaseState(
  { state, failure }: OrderSoFar,
  { isDone, isCurrent }: { readonly isDone: boolean; readonly isCurrent: boolean },
): PhaseState {
  if (isDone) return 'done';
  if (!isCurrent || state === 'cancelled') return 'waiting';
  if (state === 'running') return 'running';
  return failure ? 'failed' : 'waiting';
}

function nameState(
  name: string,
  {
    steps,
    order: { state, failure, records = [] },
    isValidated,
  }: {
    readonly steps: readonly Step[];
    readonly order: OrderSoFar;
    readonly isValidated: boolean;
  },
): NameState {
  if (isValidated) return 'valid';
  const isRefused = refusals(failure?.problem).some(({ identifier }) => isFor(name, identifier));
  if (state !== 'running' && isRefused) return 'failed';
  const last = steps.findLast((step) => step.name === name && stateOfStep.has(step.type));
  const step = stateOfStep.get(last?.type ?? '');
  const record = records.find(({ domain }) => domain === name);
  if (step !== undefined || !record || record.state === 'removable') return step ?? 'waiting';
  return record.state === 'seen' ? 'visible' : 'wanted';
}

/** The identifier of a wildcard has no `*.`. RFC 8555 §7.1.4 */
function isFor(name: string, identifier: string | undefined): boolean {
  return name === identifier || name === `*.${identifier}`;
}

/** What the CA says of one name, or of the whole order where there is no identifier. */
export interface Refusal {
  readonly identifier?: string | undefined;
  /** `urn:ietf:params:acme:error:dns` */
  readonly type?: string | undefined;
  readonly detail?: string | undefined;
}

/** Reads the problem document of a CA, which can hold anything: one entry for each subproblem. */
export function refusals(
  problem: Readonly<Record<string, unknown>> | undefined,
): readonly Refusal[] {
  if (!problem) return [];
  const { subproblems } = problem;
  const all = Array.isArray(subproblems) && subproblems.length > 0 ? subproblems : [problem];
  return all.filter(isObject).map(({ identifier, type, detail }) => ({
    identifier: isObject(identifier) ? textOf(identifier.value) : undefined,
    type: textOf(type),
    detail: textOf(detail),
  }));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
