import type { components } from '@acmex/api';

type Schemas = components['schemas'];
type Record = Schemas['OrderRecord'];
type Check = Schemas['RecordCheck'];

/**
 * What a check found of a record. `partly`: only some servers show it. `quoted`: the value has
 * quotation marks or spaces around it. `former`: the value of an earlier attempt is there.
 */
export type Finding =
  | { readonly type: 'seen' | 'partly'; readonly seen: number; readonly total: number }
  | { readonly type: 'quoted' | 'former' | 'different' | 'absent' | 'failed' };

/** Returns the records that a person has to set, and those to remove. */
export function recordsOf({ records = [] }: Pick<Schemas['Order'], 'records'>): {
  readonly wanted: readonly Record[];
  readonly removable: readonly Record[];
} {
  return {
    wanted: records.filter(({ state }) => state !== 'removable'),
    removable: records.filter(({ state }) => state === 'removable'),
  };
}

/** Returns the check of a record; undefined if none was made of its present value. */
export function checkOf(record: Record, checks: readonly Check[]): Check | undefined {
  return checks.find(({ name, value }) => name === record.name && value === record.value);
}

/** Says what a check found, and what is wrong. @param removable earlier records of the order */
export function findingOf(
  { name, value, answers, error }: Check,
  removable: readonly Pick<Record, 'name' | 'value'>[],
): Finding {
  const seen = answers.filter(({ state }) => state === 'seen').length;
  const total = answers.length;
  if (error !== undefined || total === 0) return { type: 'failed' };
  if (seen > 0) return { type: seen === total ? 'seen' : 'partly', seen, total };
  const values = answers.flatMap((answer) => answer.values ?? []);
  if (values.some((text) => withoutQuotes(text) === value)) return { type: 'quoted' };
  if (removable.some((former) => former.name === name && values.includes(former.value)))
    return { type: 'former' };
  if (values.length > 0) return { type: 'different' };
  return { type: answers.every(({ state }) => state === 'failed') ? 'failed' : 'absent' };
}

function withoutQuotes(text: string): string {
  return text.replaceAll(/^[\s"'„“”]+|[\s"'„“”]+$/g, '');
}
