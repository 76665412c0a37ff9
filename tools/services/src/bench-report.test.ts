import { describe, expect, it } from '@jest/globals';

const { judge, markdown, text } = await import(
  new URL('../../bench/report.mjs', import.meta.url).href
);

const row = (ours: number[], goals: object[], standards = {}) => ({
  figure: 'CPU',
  unit: 'ms',
  ours,
  goals,
  ...standards,
});
const peer = (...figures: number[]) => ({ name: 'acme-client', figures });
const limit = (...figures: number[]) => ({ name: 'the bare loop', figures });
const section = (...rows: object[]) => ({
  title: 'Processor time',
  text: 'How.',
  rows,
  tables: [],
  left: { CPU: 'The handshake is left.' },
  load: { before: 0.5, after: 1.25 },
});
const run = { rounds: 3, command: 'npm run bench' };
const page = (...rows: object[]): string => markdown([section(...rows)], run);

describe('the report of the benchmark', () => {
  it('makes the quotients within each round, and judges by their median', () => {
    const measured = row([10, 30, 40], [{ of: 'peer', atMost: 0.5 }], { peer: peer(20, 40, 100) });
    expect(judge(measured)).toMatchObject({
      peer: [0.5, 0.75, 0.4],
      goals: [{ text: 'at most 0.5 of acme-client', isMet: true }],
      isMet: true,
    });
    expect(page(measured)).toContain(
      '| Processor time | CPU | 30 (10–40) ms | 40 (20–100) ms (acme-client) | 0.50 (0.40–0.75) |  |  | at most 0.5 of acme-client | yes, unsteady |',
    );
  });
  it('refuses rounds that do not belong together', () => {
    expect(() => judge(row([1, 2], [], { peer: peer(1) }))).toThrow('2 figures');
    expect(() => judge(row([1], [{ of: 'peer', atMost: 1 }]))).toThrow('CPU: there is no peer');
  });
  it('meets a row only if each of its goals is met', () => {
    const measured = row([20], [{ of: 'peer', atMost: 0.5 }, { atMost: 15 }], { peer: peer(50) });
    expect(judge(measured)).toMatchObject({ isMet: false });
    expect(page(measured)).toContain('| at most 0.5 of acme-client, and at most 15 ms | **no** |');
  });
  it('marks a row as unsteady if a quotient differs by more than 15 % between the rounds', () => {
    const steady = { limit: limit(10, 10, 10) };
    expect(judge(row([20, 21, 22.9], [], steady))).toMatchObject({ isUnsteady: false });
    expect(judge(row([20, 21, 23.1], [], steady))).toMatchObject({ isUnsteady: true });
    expect(judge(row([20, 40], [{ atMost: 50 }]))).toMatchObject({ isUnsteady: false });
  });
  it.each([
    [[9], { of: 'peer', atMost: 0.5 }, true, 'at most 1.3 of the bare loop'],
    [[11], { atMost: 7 }, false, 'at most 1.3 of the bare loop'],
    [[7], { atLeast: 9 }, true, 'at least 0.77 of the bare loop'],
    [[6], { of: 'peer', atLeast: 3 }, false, 'at least 0.77 of the bare loop'],
  ])('asks for 1.3 of the limit where a goal is beyond it', (ours, goal, isMet, instead) => {
    const judged = judge(row(ours, [goal], { peer: peer(14), limit: limit(8) }));
    expect(judged).toMatchObject({ isMet });
    expect(judged.goals[0].text).toMatch(`, which is beyond the limit: ${instead} then`);
  });
  it('leaves a goal alone that the limit allows, or that is set by the limit', () => {
    const standards = { peer: peer(20), limit: limit(8) };
    const goals = [{ of: 'peer', atMost: 0.5 }, { of: 'limit', atMost: 1.1 }, { atLeast: 7 }];
    expect(judge(row([9], goals, standards)).goals).toEqual([
      { text: 'at most 0.5 of acme-client', isMet: true },
      { text: 'at most 1.1 of the bare loop', isMet: false },
      { text: 'at least 7 ms', isMet: true },
    ]);
  });
  it('says what is left, but only of a goal that is missed', () => {
    const left = '- Processor time, CPU: The handshake is left.';
    expect(page(row([20], [{ atMost: 15 }]))).toContain(left);
    expect(page(row([10], [{ atMost: 15 }]))).not.toContain('is left');
  });
  it('judges nothing without a goal', () => {
    expect(page(row([20], [], { peer: peer(10) }))).toContain('| 2.00 |  |  |  |  |');
  });
  it('prints the load around each section, the commit, and what could not be measured', () => {
    const failed = { ...section(), title: 'cpu', failure: new Error('no') };
    for (const printed of [text([failed], run), markdown([failed], run)]) {
      expect(printed).toContain('before and after, over a minute: 0.50 and 1.25.');
      expect(printed).toMatch(/Commit [0-9a-f]{7,}.*; 3 rounds\./);
      expect(printed).toMatch(/cpu .*could not be measured/);
    }
  });
  it('replaces the sections that were measured again, and keeps the others', () => {
    const further = { ...section(row([20], [{ atMost: 15 }])), title: 'Processor time of the CA' };
    const former = markdown([section(row([20], [{ atMost: 15 }])), further], run);
    const later = markdown([section(row([10], [{ atMost: 15 }]))], { ...run, rounds: 5 }, former);
    expect(later).toContain('| Processor time | CPU | 10 ms |');
    expect(later).not.toContain('- Processor time, CPU');
    expect(later).toContain('| Processor time of the CA | CPU | 20 ms |');
    expect(later).toContain('- Processor time of the CA, CPU: The handshake is left.');
    expect(later.match(/^## .*|\d rounds/gm)).toEqual([
      ...['## Processor time', '5 rounds', '## Processor time of the CA', '3 rounds'],
    ]);
    expect(markdown([], run, later)).toBe(later);
  });
});
