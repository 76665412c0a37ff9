import type { components } from '@acmex/api';
import { type Loaded, useLoaded } from '../../loaded.ts';
import { api } from '../../server.ts';
import { may } from '../../session.ts';

type Schemas = components['schemas'];

/** What a certificate can be ordered with. */
export interface Choices {
  readonly issuers: readonly Schemas['Issuer'][];
  readonly dnsProviders: readonly Schemas['DnsProvider'][];
  readonly templates: readonly Schemas['Template'][];
  /** How names are validated by default. */
  readonly challenge: string;
}

/** Loads what there is to choose from. Who may not see it orders with the defaults. */
export function useChoices(): Loaded<Choices> {
  return useLoaded('choices', async (signal) => {
    if (!may('certificates:read'))
      return { issuers: [], dnsProviders: [], templates: [], challenge: '' };
    const [issuers, dnsProviders, templates] = await Promise.all([
      api.GET('/api/issuers', { signal }),
      api.GET('/api/dns-providers', { signal }),
      api.GET('/api/templates', { signal }),
    ]);
    return {
      issuers: issuers.data.items,
      dnsProviders: dnsProviders.data.items,
      templates: templates.data.items,
      challenge: issuers.data.challenge,
    };
  });
}
