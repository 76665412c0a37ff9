import { systemClock } from '@acmex/clock';
import { describe, expect, it } from '@jest/globals';
import { networkValidator } from '../network-validator.ts';
import { checkCaa } from './caa.ts';
import { parseIssueValue } from '@acmex/protocol/caa';
import { type DnsZone, startDnsServer } from '@acmex/services';
import { validationResolver } from './resolver.ts';

const request = {
  issuerDomain: 'ca.example',
  accountUrl: 'https://ca.example/account/1',
  method: 'dns-01',
};
const caa = (tag: string, value: string, flags = 0) => ({
  type: 'CAA' as const,
  name: 'a.test',
  data: { flags, tag: tag as 'issue', value },
});

async function check(
  zone: DnsZone,
  more: { identifier?: { type: string; value: string }; wildcard?: boolean } = {},
) {
  await using server = await startDnsServer(zone);
  const result = await checkCaa({
    ...request,
    identifier: { type: 'dns', value: 'www.a.test' },
    wildcard: false,
    resolver: validationResolver({ servers: [server.address] }),
    ...more,
  });
  return { result, asked: server.asked };
}
const verdict = async (records: readonly ReturnType<typeof caa>[], more = {}) => {
  const { result } = await check({ 'CAA a.test': records }, more);
  return result.valid ? 'permits' : result.type;
};

describe('checkCaa', () => {
  it('climbs from the name to the top and no further, and permits where nothing is said', async () => {
    const { result, asked } = await check({});
    expect(asked).toEqual(['CAA www.a.test', 'CAA a.test', 'CAA test']);
    expect(result).toEqual({
      valid: true,
      records: ['www.a.test', 'a.test', 'test'].map((name) => ({
        type: 'look-up',
        record: 'CAA',
        name,
        recordCount: 0,
      })),
    });
  });
  it('stops at the nearest name that says something, which holds for all below', async () => {
    const near = await check({
      'CAA www.a.test': [caa('issue', 'ca.example')],
      'CAA a.test': [caa('issue', ';')],
    });
    expect([near.result.valid, near.asked]).toEqual([true, ['CAA www.a.test']]);
    const far = await check({ 'CAA test': [caa('issue', 'other.example')] });
    expect(far.result).toMatchObject({
      valid: false,
      type: 'caa',
      detail:
        'the CAA records of test forbid it: none of 1 permits ca.example for this account by dns-01',
    });
  });
  it.each<[string, string, readonly ReturnType<typeof caa>[]]>([
    ['permits', 'our name', [caa('issue', 'ca.example')]],
    [
      'permits',
      'our name among others',
      [caa('issue', 'other.example'), caa('issue', 'CA.Example')],
    ],
    ['permits', 'a tag in capitals', [caa('ISSUE', ' ca.example ; ')]],
    ['permits', 'a critical issue', [caa('issue', 'ca.example', 128)]],
    ['permits', 'only a report address', [caa('iodef', 'mailto:a@a.test', 128)]],
    ['permits', 'an unknown tag that is not critical', [caa('future', 'x')]],
    ['permits', 'only issuewild', [caa('issuewild', ';')]],
    ['caa', 'nobody', [caa('issue', ';')]],
    ['caa', 'another', [caa('issue', 'other.example')]],
    ['caa', 'our parent', [caa('issue', 'example')]],
    ['caa', 'a name below ours', [caa('issue', 'x.ca.example')]],
    ['caa', 'an unknown critical tag', [caa('issue', 'ca.example'), caa('future', 'x', 128)]],
    [
      'caa',
      'the same with the flag that zones mistake for it',
      [caa('issue', 'ca.example'), caa('future', 'x', 1)],
    ],
    ['caa', 'a tag that hides the flag', [caa('critical', 'x', 128)]],
    ['caa', 'a tag that hides the type', [caa('type', 'CAA', 128)]],
    ['caa', 'one that JavaScript hides', [caa('__proto__', 'x', 128)]],
    ['caa', 'a malformed value', [caa('issue', 'ca.example; x')]],
    ['caa', 'two names', [caa('issue', 'ca.example other.example')]],
    [
      'permits',
      'our account',
      [caa('issue', 'ca.example; accounturi=https://ca.example/account/1')],
    ],
    [
      'caa',
      'another account',
      [caa('issue', 'ca.example; accounturi=https://ca.example/account/12')],
    ],
    [
      'caa',
      'another account in capitals',
      [caa('issue', 'ca.example; AccountURI=https://ca.example/account/2')],
    ],
    [
      'caa',
      'our account twice',
      [
        caa(
          'issue',
          'ca.example; accounturi=https://ca.example/account/1; accounturi=https://ca.example/account/1',
        ),
      ],
    ],
    [
      'caa',
      'our method twice',
      [caa('issue', 'ca.example; validationmethods=dns-01; validationmethods=dns-01')],
    ],
    [
      'caa',
      'two accounts',
      [
        caa(
          'issue',
          'ca.example; accounturi=https://ca.example/account/1; accounturi=https://ca.example/account/2',
        ),
      ],
    ],
    [
      'permits',
      'one record for each account',
      [
        caa('issue', 'ca.example; accounturi=https://ca.example/account/2'),
        caa('issue', 'ca.example; accounturi=https://ca.example/account/1'),
      ],
    ],
    ['permits', 'our method', [caa('issue', 'ca.example; validationmethods=http-01,dns-01')]],
    ['caa', 'another method', [caa('issue', 'ca.example; validationmethods=http-01')]],
    [
      'caa',
      'a method that begins like ours',
      [caa('issue', 'ca.example; validationmethods=dns-010')],
    ],
    ['caa', 'a list with a gap', [caa('issue', 'ca.example; validationmethods=dns-01,')]],
    ['caa', 'no method', [caa('issue', 'ca.example; validationmethods=')]],
    [
      'caa',
      'our account by another method',
      [
        caa(
          'issue',
          'ca.example; accounturi=https://ca.example/account/1; validationmethods=tls-alpn-01',
        ),
      ],
    ],
    ['permits', 'a parameter of others', [caa('issue', 'ca.example; policy=ev')]],
  ])('%s: %s', async (expected, _, records) => {
    expect(await verdict(records)).toBe(expected);
  });
  it('refuses by an empty value, which some versions of Node cannot read', async () => {
    expect(await verdict([caa('issue', '')])).not.toBe('permits');
    expect(await verdict([caa('issue', ''), caa('iodef', 'mailto:a@a.test')])).not.toBe('permits');
  });
  it('asks issuewild for wildcards alone, and issue where there is none', async () => {
    const wildcard = { wildcard: true };
    expect(await verdict([caa('issue', 'ca.example'), caa('issuewild', ';')], wildcard)).toBe(
      'caa',
    );
    expect(await verdict([caa('issue', ';'), caa('issuewild', 'ca.example')], wildcard)).toBe(
      'permits',
    );
    expect(await verdict([caa('issue', ';'), caa('issuewild', 'ca.example')])).toBe('caa');
    expect(await verdict([caa('issue', 'other.example')], wildcard)).toBe('caa');
    expect(await verdict([caa('iodef', 'mailto:a@a.test')], wildcard)).toBe('permits');
  });
  it('refuses where a look-up fails before something is found', async () => {
    const failed = await check({
      'CAA www.a.test': [],
      'CAA a.test': 2,
      'CAA test': [caa('issue', 'ca.example')],
    });
    expect(failed.result).toMatchObject({
      valid: false,
      type: 'dns',
      detail: expect.stringContaining('CAA of a.test: the look-up failed (ESERVFAIL)'),
    });
    expect(
      (await check({ 'CAA www.a.test': [caa('issue', 'ca.example')], 'CAA a.test': 2 })).result
        .valid,
    ).toBe(true);
  });
  it('asks nothing for an address', async () => {
    const { result, asked } = await check({}, { identifier: { type: 'ip', value: '192.0.2.1' } });
    expect([result, asked]).toEqual([{ valid: true, records: [] }, []]);
  });
});

describe('parseIssueValue', () => {
  it('reads a long run of white space in no time', () => {
    const start = systemClock.monotonic();
    expect(
      parseIssueValue(`${' '.repeat(60_000)}ca.example${'\t'.repeat(60_000)}x`),
    ).toBeUndefined();
    expect(systemClock.monotonic() - start).toBeLessThan(500);
    expect(parseIssueValue(`${' '.repeat(60_000)}ca.example${'\t'.repeat(60_000)};`)).toEqual({
      issuer: 'ca.example',
      parameters: [],
    });
  });
  it.each([
    'ca..example',
    '.ca.example',
    'ca.example.',
    'ca_x.example',
    'ca.example; =x',
    'ca.example; a=b;',
    'ca.example; a=b; ;',
    'ca.example; a=b c',
    'ca.example; -a=b',
    'ca.example; ä=b',
    'ca.example\u00a0',
  ])('takes no "%s"', (value) => {
    expect(parseIssueValue(value)).toBeUndefined();
  });
  it('reads parameters with an = in their value', () => {
    expect(parseIssueValue('ca.example;a-b=c=d ; E =')).toEqual({
      issuer: 'ca.example',
      parameters: [
        { tag: 'a-b', value: 'c=d' },
        { tag: 'e', value: '' },
      ],
    });
  });
});

describe('networkValidator', () => {
  it('checks CAA without the challenge, for issuance long after it (L14)', async () => {
    const asked: string[] = [];
    const resolver = {
      txt: async () => [],
      caa: async (name: string) => {
        asked.push(name);
        return [{ flags: 0, tag: 'issue', value: 'other.example' }];
      },
    };
    const request = {
      type: 'http-01',
      identifier: { type: 'dns', value: 'a.test' },
      wildcard: false,
      accountUrl: 'https://ca.example/acme/account/1',
    } as const;
    const { signal } = new AbortController();
    const checking = networkValidator({ resolver, caaIdentity: 'ca.example' });
    await expect(checking.checkCaa?.(request, { signal })).resolves.toMatchObject({ type: 'caa' });
    expect(asked).toEqual(['a.test']);
    const unaware = networkValidator({ resolver });
    await expect(unaware.checkCaa?.(request, { signal })).resolves.toMatchObject({ valid: true });
    expect(asked).toHaveLength(1);
  });
});
