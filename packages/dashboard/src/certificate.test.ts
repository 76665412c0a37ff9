import { describe, expect, it } from '@jest/globals';
import { type ChainMember, chainNodes } from '../page/screens/certificate/chain-tree.ts';
import { changesOf, type Settings } from '../page/screens/certificate/changes.ts';
import { fileName } from '../page/screens/certificate/files.ts';
import { withEarlier, withNewest } from '../page/screens/certificate/timeline-pages.ts';
import { visibleText } from '../page/visible-text.ts';

const member = (subject: string, issuer: string): ChainMember => ({
  ...{ subject, issuer, fingerprint: `of ${subject}`, sha1Fingerprint: '', spkiPin: '' },
  ...{ names: [], serialNumber: '1', notBefore: '', notAfter: '', keyType: 'ec-p256' },
  ...{ isCa: true, mustStaple: false, purposes: [], extensions: [] },
});
const anchor = (subject: string) => ({
  ...{ subject, fingerprint: `of ${subject}`, source: 'public' as const },
});
const chain = [member('CN=a', 'CN=b'), member('CN=b', 'CN=r')];

describe('the tree of a chain', () => {
  it('goes from the certificate to the root that the check trusted', () => {
    expect(chainNodes(chain, anchor('CN=r'))).toMatchObject([
      { role: 'leaf', subject: 'CN=a', isTrusted: false },
      { role: 'intermediate', subject: 'CN=b', isTrusted: false },
      { role: 'root', subject: 'CN=r', fingerprint: 'of CN=r', isTrusted: true },
    ]);
  });

  it('has the root once where the chain includes it', () => {
    const nodes = chainNodes([...chain, member('CN=r', 'CN=r')], anchor('CN=r'));
    expect(nodes.map(({ role, isTrusted }) => [role, isTrusted])).toEqual([
      ['leaf', false],
      ['intermediate', false],
      ['root', true],
    ]);
  });

  it('trusts no root without a check, and none of another name', () => {
    for (const trusted of [undefined, anchor('CN=x')])
      expect(chainNodes(chain, trusted).at(-1)).toEqual({
        ...{ role: 'root', subject: 'CN=r', fingerprint: undefined, isTrusted: false },
      });
    expect(chainNodes([])).toEqual([]);
  });
});

describe('the form of a certificate', () => {
  const before: Settings = {
    ...{ names: 'a.test\nb.test', issuer: 'custom', profile: 'short', preferredChain: '' },
    ...{ keyType: 'ec-p256', reuseKey: '', challenge: 'http-01', dnsProvider: '' },
    renewBeforeDays: '20',
  };

  it('sends what was changed, and null for the default', () => {
    expect(changesOf(before, before)).toEqual({});
    expect(
      changesOf(before, {
        ...before,
        ...{ names: 'a.test, c.test\n c.test\n', profile: ' ', challenge: '', reuseKey: 'yes' },
        ...{ renewBeforeDays: '10', dnsProvider: 'zone' },
      }),
    ).toEqual({
      ...{ names: ['a.test', 'c.test'], profile: null, challenge: null, reuseKey: true },
      ...{ renewBeforeDays: 10, dnsProvider: 'zone' },
    });
  });
});

describe('the timeline of a certificate', () => {
  const entries = (...ids: string[]) =>
    ids.map((id) => ({ id, type: 'certificate_added' as const, time: '' }));
  const idsOf = ({ items }: { readonly items: readonly { readonly id: string }[] }) =>
    items.map(({ id }) => id).join('');

  it('gets newer entries at its top and earlier ones at its end, each once', () => {
    let known = withNewest({ items: [] }, { items: entries('d', 'c'), next: 'c' });
    known = withEarlier(known, { items: entries('b', 'a') });
    known = withNewest(known, { items: entries('f', 'e', 'd'), next: 'd' });
    expect([idsOf(known), known.next]).toEqual(['fedcba', undefined]);
    expect(idsOf(withNewest(known, { items: entries('f', 'e'), next: 'd' }))).toBe('fedcba');
  });

  it('begins again where entries between could be missing', () => {
    const known = { items: entries('b', 'a') };
    const begun = withNewest(known, { items: entries('f', 'e'), next: 'e' });
    expect([idsOf(begun), begun.next]).toEqual(['fe', 'e']);
  });
});

it('shows what a text hides: marks of direction, control characters and joiners', () => {
  expect(visibleText('a\u202Egnp.exe\u0000\u200D\u{E0041}<b> ü 日本')).toBe(
    'a\\u{202E}gnp.exe\\u{0}\\u{200D}\\u{E0041}<b> ü 日本',
  );
});

it('names files for every file system', () => {
  expect(fileName('*.example.com', '.pem')).toBe('wildcard.example.com.pem');
  expect(fileName('2001:db8::1', '.p12')).toBe('2001_db8__1.p12');
  expect(fileName('../../x', '.key')).toBe('_.._x.key');
  expect(fileName(undefined, '.cer')).toBe('certificate.cer');
});
