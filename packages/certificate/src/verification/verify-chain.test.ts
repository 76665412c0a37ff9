import { describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { Temporal } from 'temporal-polyfill';
import { disagreements, readChainCases, runChainCase } from './chain-cases.testing.ts';
import { readCertificateFields } from './certificate-fields.ts';
import { publicSuffixFault } from './rules/webpki.ts';
import { readTrustAnchors, verifyChain } from './verify-chain.ts';

const cases = readChainCases(join(import.meta.dirname, '../../fixtures/chain-cases/cases.json.gz'));
const byId = new Map(cases.map((entry) => [entry.id, entry]));
const caseOf = (id: string) => {
  const entry = byId.get(id);
  if (!entry) throw new Error(`there is no case ${id}`);
  return entry;
};

const derOf = (pem: string) => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');

describe('the cases of x509-limbo and BetterTLS', () => {
  // Revocation lists are a part of another package.
  const verifiable = cases.filter(({ id }) => !id.startsWith('crl::'));

  test(`${verifiable.length} cases have the expected result, but for the listed ones`, () => {
    const wrong = verifiable
      .filter((entry) => runChainCase(entry).isValid !== (entry.expected_result === 'SUCCESS'))
      .map(({ id }) => id);
    expect(wrong.sort()).toEqual(Object.keys(disagreements).sort());
  });

  test.each(['nc-dos-1', 'nc-dos-2'])('%s ends at the limit of work', (id) => {
    expect(runChainCase(caseOf(`pathological::${id}`))).toMatchObject({
      isValid: false,
      faults: [{ check: 'budget' }],
    });
  });
});

describe('verifyChain', () => {
  const entry = caseOf('pathlen::ee-with-intermediate-pathlen-0');
  const at = Temporal.Instant.from('2026-11-28T00:00:00Z');
  const name = { type: 'dns', value: 'example.com' };
  const options = {
    anchors: entry.trusted_certs,
    intermediates: entry.untrusted_intermediates,
    name,
    at,
  };

  test('returns the path, the leaf first and the anchor last', () => {
    const verification = verifyChain(entry.peer_certificate, options);
    expect(verification).toMatchObject({ isValid: true });
    if (!verification.isValid) return;
    const { path } = verification;
    expect(path.length).toBe(3);
    expect(path.map(({ issuer }) => issuer).slice(0, -1)).toEqual(
      path.map(({ subject }) => subject).slice(1),
    );
  });

  test('finds the path whatever the order of the input, its repeats and strays', () => {
    const stray = caseOf('rfc5280::san::malformed').peer_certificate;
    const intermediates = [stray, ...entry.trusted_certs, ...entry.untrusted_intermediates, stray];
    const bundle = [entry.peer_certificate, ...intermediates, 'not PEM at all\n'].join('');
    expect(verifyChain(bundle, { ...options, intermediates }).isValid).toBe(true);
    expect(verifyChain(bundle, { ...options, intermediates: [] }).isValid).toBe(true);
  });

  test('reads anchors once for many verifications', () => {
    const anchors = readTrustAnchors(entry.trusted_certs);
    expect(verifyChain(entry.peer_certificate, { ...options, anchors }).isValid).toBe(true);
  });

  test('says which certificate failed which check, what was expected and what was found', () => {
    const verification = verifyChain(entry.peer_certificate, {
      ...options,
      name: { type: 'dns', value: 'other.example' },
    });
    expect(verification).toMatchObject({
      isValid: false,
      faults: [{ check: 'name', expected: 'other.example', actual: '"example.com"' }],
    });
  });

  test('names the issuer that is missing', () => {
    const verification = verifyChain(entry.peer_certificate, { ...options, intermediates: [] });
    expect(verification).toMatchObject({
      isValid: false,
      faults: [{ check: 'issuer', actual: 'none' }],
    });
  });

  test('trusts no certificate of the input', () => {
    const intermediates = [...entry.untrusted_intermediates, ...entry.trusted_certs];
    const anchors = caseOf('crl::certificate-not-on-crl').trusted_certs;
    expect(
      verifyChain(entry.peer_certificate, { ...options, anchors, intermediates }).isValid,
    ).toBe(false);
  });

  test.each(['', 'garbage', new Uint8Array(), Uint8Array.of(0x30, 0x03, 1, 2)])(
    'refuses %p as no certificate',
    (input) => {
      expect(verifyChain(input, options)).toMatchObject({
        isValid: false,
        faults: [{ check: 'format' }],
      });
    },
  );

  test('refuses a certificate of 10 MB, and reads at most 1,000', () => {
    const large = new Uint8Array(10_000_000).fill(0x30);
    expect(verifyChain(large, options)).toMatchObject({
      isValid: false,
      faults: [{ check: 'format', actual: 'more than 1 MiB' }],
    });
    const many = Array.from({ length: 5000 }, () => entry.untrusted_intermediates).flat();
    expect(verifyChain(entry.peer_certificate, { ...options, intermediates: many }).isValid).toBe(
      true,
    );
  });

  test('refuses a wildcard below a public suffix that the caller knows', () => {
    const wide = caseOf('webpki::san::public-suffix-multi-label-wildcard-san');
    const certificate = readCertificateFields(derOf(wide.peer_certificate));
    const isPublicSuffix = (domain: string) => domain === 'co.uk';
    expect(publicSuffixFault(certificate, isPublicSuffix)).toMatchObject({ actual: '*.co.uk' });
    expect(publicSuffixFault(certificate, () => false)).toBeUndefined();
  });
});
