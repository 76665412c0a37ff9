import { describe, expect, it } from '@jest/globals';
import { deployTargetsIn, withDeployTargets } from './deployer.ts';

const file = { certPath: '/a.pem' };
const hook = { hook: ['/bin/true'] };
const after = { after: ['/bin/true'] };
const probe = { probe: { host: '::1', port: 443 } };
const general = { general: true };

describe('the deploy targets in a record', () => {
  it('are those that it names', () => {
    expect(deployTargetsIn([file, { to: 'web' }, probe, { to: 'vault' }])).toEqual([
      'web',
      'vault',
    ]);
    expect(deployTargetsIn(undefined)).toEqual([]);
  });

  it.each([
    ['between what runs before and after them', [file, hook, after, probe], ['web']],
    ['in place of the earlier ones', [file, hook, { to: 'old' }, after, probe], ['web']],
  ])('are put %s', (_, deploy, names) => {
    expect(withDeployTargets(deploy, names)).toEqual([file, hook, { to: 'web' }, after, probe]);
  });

  it('are removed alone: what a newer version has, and a probe, stay', () => {
    const newer = { newer: 'x' };
    expect(withDeployTargets([newer, { to: 'web' }, probe], [])).toEqual([newer, probe]);
    expect(withDeployTargets([{ to: 'web' }], [])).toEqual([general]);
    expect(withDeployTargets([general], ['web'])).toEqual([{ to: 'web' }]);
    expect(withDeployTargets([], [])).toEqual([general]);
  });

  it('do not change where they are the same', () => {
    expect(withDeployTargets([file, { to: 'web' }], ['web'])).toBeUndefined();
    expect(withDeployTargets([general], [])).toBeUndefined();
  });
});
