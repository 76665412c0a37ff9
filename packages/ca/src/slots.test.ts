import { describe, expect, it } from '@jest/globals';
import { fairSlots } from './slots.ts';

/** Work that ends when the test says so. */
function controlledWork() {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    started,
    end: async (name: string) => {
      ends.get(name)?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
    named: (name: string) => async () => {
      started.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
    },
  };
}

describe('the slots of validations (L13)', () => {
  it('give an account its share, and leave the others to other accounts', async () => {
    const { started, named, end } = controlledWork();
    const inSlot = fairSlots({ slots: 4, share: 2 });
    const all = [1, 2, 3, 4].map((n) => inSlot('a', named(`a${n}`)));
    all.push(inSlot('b', named('b1')), inSlot('c', named('c1')), inSlot('d', named('d1')));
    await end('none');
    expect(started).toEqual(['a1', 'a2', 'b1', 'c1']);
    await end('a1');
    expect(started.slice(4)).toEqual(['a3']);
    await end('b1');
    expect(started.slice(5)).toEqual(['d1']);
    await end('c1');
    expect(started).toHaveLength(6);
    for (const name of ['a2', 'a3', 'd1', 'a4']) await end(name);
    await Promise.all(all);
    expect(started.at(-1)).toBe('a4');
  });

  it('go to the accounts in turn, whatever the first of them has begun', async () => {
    const { started, named, end } = controlledWork();
    const inSlot = fairSlots({ slots: 1, share: 1 });
    const all = ['a1', 'a2', 'a3', 'b1', 'b2'].map((name) => inSlot(name[0]!, named(name)));
    await end('none');
    for (let n = 0; n < 5; n++) await end(started[n]!);
    await Promise.all(all);
    expect(started).toEqual(['a1', 'a2', 'b1', 'a3', 'b2']);
  });

  it('are free again after work that fails', async () => {
    const inSlot = fairSlots({ slots: 1, share: 1 });
    await expect(inSlot('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(inSlot('a', async () => 7)).resolves.toBe(7);
  });
});
