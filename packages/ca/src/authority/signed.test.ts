import { describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { extensionDer, serialNumberDer, time } from './signed.ts';

describe('the fields of a certificate', () => {
  it.each([
    ['2049-12-31T23:59:59.9Z', '\u0017\r491231235959Z'],
    ['2050-01-01T00:00:00Z', '\u0018\u000f20500101000000Z'],
  ])('have %s in whole seconds, in the form that its year asks for', (moment, bytes) => {
    expect(Buffer.from(time(Temporal.Instant.from(moment))).toString('latin1')).toBe(bytes);
  });
  it.each([
    ['7f', '02017f'],
    ['ff', '020200ff'],
    ['00017f', '0202017f'],
  ])('have the serial number %s as a positive number without bytes to spare', (serial, bytes) => {
    expect(Buffer.from(serialNumberDer(serial)).toString('hex')).toBe(bytes);
  });
  it.each([
    [true, '300c0603551d130101ff04023000'],
    [false, '30090603551d1304023000'],
  ])('name an extension as critical (%s) only if it is', (critical, bytes) => {
    const extension = extensionDer({ type: '2.5.29.19', critical, value: Uint8Array.of(0x30, 0) });
    expect(Buffer.from(extension).toString('hex')).toBe(bytes);
  });
});
