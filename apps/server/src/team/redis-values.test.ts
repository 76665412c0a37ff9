import { reportSoak } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  isValidJob,
  isValidJobHash,
  readGroupName,
  readNotification,
  readScan,
  readWorker,
} from './redis-values.ts';

const scan = { at: '2026-06-01T00:00:00Z', late: { id: 'crt_1', dueAt: '2026-05-31T00:00:00Z' } };
const worker = { name: 'host/1/ab', capacity: 4, since: '2026-06-01T00:00:00Z' };
const jobHash = {
  name: 'task',
  data: '{"id":"crt_1"}',
  opts: '{"attempts":1,"removeOnComplete":true,"removeOnFail":true}',
  timestamp: '1780000000000',
  delay: '0',
  priority: '3',
};

describe('what a process reads from Redis', () => {
  it('is taken in the form in which processes write it', () => {
    expect(readScan(JSON.stringify(scan))).toEqual(scan);
    expect(readScan(JSON.stringify({ at: scan.at }))).toEqual({ at: scan.at });
    expect(readWorker(JSON.stringify(worker))).toEqual(worker);
    expect(readNotification('due')).toEqual(['due']);
    expect(readNotification('ended tenant/one/crt_1')).toEqual(['ended', 'tenant/one/crt_1']);
    expect(readGroupName(Buffer.from('tenant/one/custom'))).toBe('tenant/one/custom');
    expect(isValidJobHash(jobHash)).toBe(true);
  });
  it.each([
    ['a scan that is cut off', () => readScan('{broken')],
    ['a scan without a time', () => readScan('{}')],
    ['a scan with a time that is none', () => readScan('{"at":"yesterday"}')],
    ['null for a scan', () => readScan('null')],
    ['a late task without an id', () => readScan(JSON.stringify({ ...scan, late: {} }))],
    ['a worker with a capacity of text', () => readWorker('{"name":"a","capacity":"9"}')],
    ['an empty notification', () => readNotification('')],
    ['a notification of an end without a task', () => readNotification('ended ')],
    ['an empty group', () => readGroupName(Buffer.from(''))],
    ['a group with a colon', () => readGroupName(Buffer.from('a:b'))],
    ['a group of other bytes', () => readGroupName(Buffer.from([0xff, 0x00]))],
  ])('is not %s', (_, read) => {
    expect(read()).toBeUndefined();
  });
  it.each([
    ['an object for its id', { data: '{"id":{"toString":1}}' }],
    ['data that are cut off', { data: '{"id":' }],
    ['options that are cut off', { opts: '{' }],
    ['options that are null', { opts: 'null' }],
    ['a schedule', { rjk: 'a:b:c' }],
    ['a parent', { parentKey: 'x', parent: '{}' }],
    ['progress that is cut off', { progress: '{' }],
    ['no time', { timestamp: '' }],
  ])('is not a job with %s', (_, fields) => {
    expect(isValidJobHash({ ...jobHash, ...fields })).toBe(false);
  });
  it('never throws: 10,000 random values', () => {
    const seed = Number(process.env.ACMEX_SEED ?? 20_261_128);
    let values = 0;
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.json({ maxDepth: 1 }),
      fc.constantFrom(...Object.values(jobHash), JSON.stringify(scan), JSON.stringify(worker)),
    );
    const fields = fc.dictionary(fc.constantFrom(...Object.keys(jobHash)), text, { maxKeys: 2 });
    fc.assert(
      fc.property(text, fields, (value, changed) => {
        values += 1;
        for (const read of [readScan, readWorker, readNotification]) read(value);
        readGroupName(Buffer.from(value, 'latin1'));
        isValidJob(value);
        isValidJobHash({ ...jobHash, ...changed });
      }),
      { numRuns: 10_000, seed },
    );
    reportSoak(`${values} random values were read (ACMEX_SEED=${seed})`);
    expect(values).toBe(10_000);
  });
});
