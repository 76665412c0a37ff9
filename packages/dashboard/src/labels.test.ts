import { expect, it } from '@jest/globals';
import { labelFault, labelLines, labelsOf } from '../page/labels.ts';

it('reads the labels that it wrote', () => {
  const labels = { team: 'web', empty: '', 'a.b': 'c@d+e' };
  expect(labelsOf(labelLines(labels))).toEqual(labels);
  expect(labelsOf('\n  team = web \n')).toEqual({ team: 'web' });
});

it.each([
  ['team', 'team'],
  ['=web', '=web'],
  ['a=b\nteam', 'team'],
  ['a=b c', 'a=b c'],
  [`${'n'.repeat(64)}=`, `${'n'.repeat(64)}=`],
  ['a=b\n\n', undefined],
])('finds in %j the line that is not a label', (text, line) => {
  expect(labelFault(text)).toBe(line);
});
