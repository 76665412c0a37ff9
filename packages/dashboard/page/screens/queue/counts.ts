import type { operations } from '@acmex/api';

export type Queue = operations['getApiQueue']['responses'][200]['content']['application/json'];

/** Returns how many wait, whatever their priority. */
export function waitingIn({ waiting }: Pick<Queue, 'waiting'>): number {
  const { urgent, high, normal, low } = waiting;
  return urgent + high + normal + low;
}
