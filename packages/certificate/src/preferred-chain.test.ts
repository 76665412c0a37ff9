import { beforeAll, describe, expect, it } from '@jest/globals';
import { certificate, keysOf } from './chain.testing.ts';
import { chainName, isChain, parseChain, preferredChainWarning } from './index.ts';

let chain: string;
beforeAll(async () => {
  const [root, intermediate] = await Promise.all([keysOf(), keysOf()]);
  const issuer = 'CN=Issuing (1)';
  chain =
    (await certificate({
      identifiers: [{ type: 'dns', value: 'a.test' }],
      issuer,
      keys: await keysOf(),
      signer: intermediate,
    })) +
    (await certificate({
      subject: issuer,
      issuer: 'O=Example, CN=Root X1',
      keys: intermediate,
      signer: root,
      ca: true,
    }));
});
const fingerprint = (index: number) => parseChain(chain)[index]!.fingerprint;

describe('a preferred chain', () => {
  it('is the one that ends in an issuer with this common name', () => {
    expect(isChain(chain, 'Root X1')).toBe(true);
    for (const name of ['Root X', 'Root X11', 'Issuing (1)', 'Example', '.*', ''])
      expect(isChain(chain, name)).toBe(false);
  });

  it.each([
    ['CN=Root\\, Inc', 'Root, Inc'],
    ['CN="A + B"', 'A + B'],
    ['O=Example, C=SE', 'O=Example, C=SE'],
  ])('has for an issuer %s the name %s, by which it is chosen', async (issuer, name) => {
    const keys = await keysOf();
    const pem = await certificate({
      identifiers: [{ type: 'dns', value: 'a.test' }],
      ...{ issuer, keys, signer: keys },
    });
    expect([chainName(pem), isChain(pem, name)]).toEqual([name, true]);
  });

  it('is said to be missing where the chain in use is another', () => {
    expect(preferredChainWarning(chain, undefined)).toBeUndefined();
    expect(preferredChainWarning(chain, 'Root X1')).toBeUndefined();
    expect(preferredChainWarning(chain, 'Root X2\n')).toBe(
      'no chain of the CA ends in "Root X2\\u{a}" or has this fingerprint: its first chain is used',
    );
  });

  it.each([
    ['the leaf', 0],
    ['an issuer', 1],
  ])('is the one that has the fingerprint of %s, in any spelling', (_, index) => {
    const digits = fingerprint(index);
    const colons = digits.toUpperCase().replaceAll(/(..)(?!$)/g, '$1:');
    expect([isChain(chain, digits), isChain(chain, colons)]).toEqual([true, true]);
    expect(isChain(chain, digits.slice(1))).toBe(false);
    expect(isChain(chain, '0'.repeat(64))).toBe(false);
  });
});
