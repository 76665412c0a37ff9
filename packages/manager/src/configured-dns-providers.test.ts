import { systemClock } from '@acmex/clock';
import type { Config } from '@acmex/config';
import { lookUp } from '@acmex/dns';
import { describe, expect, it } from '@jest/globals';
import { configuredDnsProviders } from './configured-manager.ts';

const options = { lookUp: lookUp({ clock: systemClock }) };
const config = {
  values: {
    challenge: {
      dns01: {
        provider: 'account',
        providers: [{ name: 'account', type: 'digitalocean', api_token: 'x' }],
      },
    },
  },
} as unknown as Pick<Config, 'values'>;

describe('the DNS providers of a configuration', () => {
  it('are opened once, so that certificates share what they know of their zones', async () => {
    const providers = configuredDnsProviders(config, { environment: {} });
    const [first, second] = await Promise.all([
      providers.open('account', options),
      providers.open('account', options),
    ]);
    expect(second).toBe(first);
    await expect(providers.open('account', options)).resolves.toBe(first);
  });
  it('are opened again where variables describe them, which may differ by certificate', async () => {
    const providers = configuredDnsProviders(config, {
      environment: { DIGITALOCEAN_TOKEN: 'x' },
    });
    const first = await providers.open('digitalocean', options);
    await expect(providers.open('digitalocean', options)).resolves.not.toBe(first);
  });
});
