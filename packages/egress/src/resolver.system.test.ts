import { startBind } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { dnsResolver } from './index.ts';

describe('dnsResolver', () => {
  it('finds IPv6 and IPv4 addresses, through aliases too, and none where there is none', async () => {
    await using bind = await startBind({
      zones: {
        'a.test': [
          'both IN A 192.0.2.1',
          'both IN AAAA 2001:db8::1',
          'alias IN CNAME both',
          'text IN TXT "x"',
        ],
      },
    });
    const resolve = dnsResolver({ servers: [bind.address] });
    await expect(
      Promise.all(
        ['both.a.test', 'alias.a.test', 'text.a.test', 'none.a.test'].map((name) =>
          resolve(name, {}),
        ),
      ),
    ).resolves.toEqual([['2001:db8::1', '192.0.2.1'], ['2001:db8::1', '192.0.2.1'], [], []]);
  });
});
