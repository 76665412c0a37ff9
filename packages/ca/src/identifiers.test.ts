import { refusedNames } from '@acmex/identifier/contract';
import { expect, it } from '@jest/globals';
import { checkAllowed, readIdentifier } from './identifiers.ts';
import { profilesOf } from './profiles.ts';

it.each(refusedNames.filter(({ name }) => /^[\0-\x7f]*$/.test(name)))(
  'an order for $name is refused with the sentence of everything else',
  ({ name, message }) => {
    const refused = readIdentifier({ type: 'dns', value: name });
    expect(refused).toMatchObject({ type: 'urn:ietf:params:acme:error:rejectedIdentifier' });
    const sentence = message.slice(message.lastIndexOf('" ', message.indexOf(': ')) + 2);
    expect((refused as { readonly detail: string }).detail).toContain(sentence);
  },
);

it('refuses an authorization for a domain above those of the CA', async () => {
  const permits = ({ value }: { readonly value: string }) => /(^|\.)corp\.example$/.test(value);
  const issuers = async () => ({ current: { permits } });
  const service = { issuers, policy: async () => undefined } as never;
  const profile = profilesOf({ classic: {} }).get('classic')!;
  const account = { id: 'a', externalAccount: undefined };
  const allowed = async (ancestorDomain: string) => {
    const name = { type: 'dns', value: 'a.b.corp.example', ancestorDomain } as const;
    await checkAllowed(service, [name], profile, account);
  };
  await expect(allowed('b.corp.example')).resolves.toBeUndefined();
  await expect(allowed('example')).rejects.toMatchObject({
    document: { type: 'urn:ietf:params:acme:error:rejectedIdentifier' },
  });
});
