import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Temporal } from 'temporal-polyfill';
import { certificate, keysOf } from '../chain.testing.ts';
import { der } from '../der.ts';
import { CertificateError } from '../errors.ts';
import { readChainCases } from '../verification/chain-cases.testing.ts';
import { readCertificateFields } from '../verification/certificate-fields.ts';
import { x509 } from '../x509.ts';
import { readLogList } from './log-list.ts';
import {
  readEmbeddedScts,
  readSctExtension,
  readSctList,
  sctListExtension,
} from './signed-certificate-timestamp.ts';
import { verifyScts, type VerifySctsOptions } from './verify-scts.ts';

const derOf = (pem: string) => new Uint8Array(new x509.X509Certificate(pem).rawData);
const at = Temporal.Instant.from('2026-06-01T00:00:00Z');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes.subarray(8 - length);
}

const vector = (...bytes: readonly Uint8Array[]) => {
  const all = Buffer.concat(bytes);
  return Buffer.concat([number(all.length, 2), all]);
};

/** A log that signs what a test wants. */
function newLog({ type = 'ec' as 'ec' | 'rsa' } = {}) {
  const { publicKey, privateKey } =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = publicKey.export({ format: 'der', type: 'spki' });
  const id = sha256(key);
  const entry = {
    description: 'Test log',
    log_id: id.toString('base64'),
    key: key.toString('base64'),
  };
  const algorithms = Uint8Array.of(4, type === 'ec' ? 3 : 1);
  const sct = (signed: Uint8Array, time = at) =>
    sctOf(privateKey, { id, algorithms, signed, time });
  return { entry, id: entry.log_id, sct };
}

interface Signing {
  readonly id: Uint8Array;
  readonly algorithms: Uint8Array;
  readonly signed: Uint8Array;
  readonly time: Temporal.Instant;
}

/** An SCT of version 1 without extensions. RFC 6962 §3.2 */
function sctOf(key: KeyObject, { id, algorithms, signed, time }: Signing): Buffer {
  const timestamp = number(time.epochMilliseconds, 8);
  const data = [number(0, 2), timestamp, signed, number(0, 2)];
  const signature = sign('sha256', Buffer.concat(data), key);
  return Buffer.concat([number(0, 1), id, timestamp, number(0, 2), algorithms, vector(signature)]);
}

const listOf = (...scts: readonly Uint8Array[]) => vector(...scts.map((sct) => vector(sct)));
const extensionOf = (list: Uint8Array) =>
  new x509.Extension(sctListExtension, false, Uint8Array.from(der(4, list)));
const logList = (...logs: readonly object[]) =>
  readLogList(JSON.stringify({ operators: [{ name: 'Test', logs }] }));

/** An issuer, and certificates of it that have a list of SCTs, which a test signs. */
async function newCa() {
  const signer = await keysOf();
  const keys = await keysOf();
  const ca = { subject: 'CN=CA', issuer: 'CN=CA', keys: signer, signer, ca: true };
  const issuer = derOf(await certificate(ca));
  const leaf = { subject: 'CN=leaf', issuer: 'CN=CA', keys, signer };
  // The same fields without the extension are the TBSCertificate that the log signs.
  const { signed } = readCertificateFields(derOf(await certificate(leaf)));
  const keyHash = sha256(readCertificateFields(issuer).publicKey);
  const precertificate = Buffer.concat([number(1, 2), keyHash, number(signed.length, 3), signed]);
  const withList = async (...lists: readonly Uint8Array[]) =>
    derOf(await certificate({ ...leaf, extensions: lists.map(extensionOf) }));
  return { issuer, precertificate, withList };
}

const wholeEntry = (leaf: Uint8Array) =>
  Buffer.concat([number(0, 2), number(leaf.length, 3), leaf]);

/** A certificate with an SCT of a log in it. */
async function logged({ signedAt = at, type = 'ec' as 'ec' | 'rsa' } = {}) {
  const ca = await newCa();
  const log = newLog({ type });
  const list = listOf(log.sct(ca.precertificate, signedAt));
  return { ...ca, log, list, leaf: await ca.withList(list) };
}

/** What is found out about the SCTs of a certificate, as `source: fault`. */
function results(
  { leaf, issuer }: { leaf: Uint8Array; issuer: Uint8Array },
  options: Partial<VerifySctsOptions>,
): readonly string[] {
  return verifyScts(leaf, { issuer, at, logs: [], ...options }).map(
    ({ source, fault = 'valid' }) => `${source}: ${fault}`,
  );
}

describe('Signed certificate timestamps in a certificate', () => {
  /** Three logs as Chrome's list had them in 2026. */
  const publicLogs = [
    [
      "Google 'Xenon2026h1' log",
      'lpdkv1VYl633Q4doNwhCd+nwOtX2pPM2bkakPw/KqcY=',
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOh/Iu87VkEc0ysoBBCchHOIpPZK7kUXHWj6l1PIS5ujmQ7rze8I4r/wjigVW6wMKMMxjbNk8vvV7lLqU07+ITA==',
    ],
    [
      "DigiCert 'Wyvern2026h1'",
      'ZBHEbKQS7KeJHKICLgC8q08oB9QeNSer6v7VA8l9zfA=',
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7Lw0OeKajbeZepHxBXJS2pOJXToHi5ntgKUW2nMhIOuGlofFxtkXum65TBNY1dGD+HrfHge8Fc3ASs0qMXEHVQ==',
    ],
    [
      "Sectigo 'Tiger2026h1'",
      'FoMtq/CpJQ8P8DqlRf/Iv8gj0IdL9gQpJ/jnHzMT9fo=',
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE73eDJyszDbzsWcgI0nbtU0+y11gQWjNjS/RSO5P4hOSFE+pPrDCtfNPHe6dq7/XQYwOFt9Feb8TwQW+mqXN5xg==',
    ],
  ].map(([description, id, key]) => ({ description, log_id: id, key }));

  it('of public CAs are signed by the public logs', () => {
    const logs = logList(...publicLogs);
    const cases = readChainCases(
      new URL('../../fixtures/chain-cases/cases.json.gz', import.meta.url).pathname,
    ).filter(({ id }) => id.startsWith('online::'));
    expect(cases).toHaveLength(14);
    const verified = cases.flatMap(({ peer_certificate: pem, untrusted_intermediates: [issuer] }) =>
      verifyScts(derOf(pem), { issuer: derOf(issuer ?? ''), logs: [logs], at }),
    );
    const count = (fault?: string) => verified.filter((result) => result.fault === fault).length;
    expect([verified.length, count(), count('unknown-log')]).toEqual([38, 14, 24]);
  });

  it.each(['ec', 'rsa'] as const)(
    'are valid when a log with a key %s signed them',
    async (type) => {
      const chain = await logged({ type });
      const { id, entry } = chain.log;
      expect(readEmbeddedScts(chain.leaf)).toMatchObject([{ sct: { logId: id, timestamp: at } }]);
      const [result] = verifyScts(chain.leaf, { ...chain, logs: [logList(entry)], at });
      expect(result).toMatchObject({
        source: 'certificate',
        fault: undefined,
        reason: '',
        log: { description: 'Test log', operator: 'Test' },
      });
    },
  );

  it('are not verified without a list of logs, the log, its right key, or the issuer', async () => {
    const chain = await logged();
    const { entry } = chain.log;
    const unrelated = newLog().entry;
    expect(results(chain, {})).toEqual(['certificate: no-log-list']);
    expect(results(chain, { logs: [logList(unrelated)] })).toEqual(['certificate: unknown-log']);
    for (const key of [unrelated.key, Buffer.from('no key').toString('base64')])
      expect(results(chain, { logs: [logList({ ...entry, key })] })).toEqual([
        'certificate: log-id',
      ]);
    expect(results(chain, { logs: [logList(entry)], issuer: undefined })).toEqual([
      'certificate: no-issuer',
    ]);
  });

  it('are not valid for the certificate of a different issuer, or with another algorithm', async () => {
    const chain = await logged();
    const logs = [logList(chain.log.entry)];
    const { issuer } = await newCa();
    expect(results({ ...chain, issuer }, { logs })).toEqual(['certificate: signature']);
    for (const algorithms of [
      [4, 1],
      [6, 3],
      [255, 255],
    ]) {
      const list = Buffer.from(chain.list);
      list.set(algorithms, 47);
      const leaf = await chain.withList(list);
      expect(results({ ...chain, leaf }, { logs })).toEqual(['certificate: signature']);
    }
  });

  it('are not valid from the future, or from a log when it was not trusted', async () => {
    const chain = await logged({ signedAt: at });
    const withState = (name: string, timestamp: string) => ({
      logs: [logList({ ...chain.log.entry, state: { [name]: { timestamp } } })],
    });
    const early = { at: at.subtract({ milliseconds: 1 }), logs: [logList(chain.log.entry)] };
    expect(results(chain, early)).toEqual(['certificate: timestamp-in-future']);
    for (const [name, since, expected] of [
      ['retired', '2026-05-31T00:00:00Z', 'log-not-trusted'],
      ['retired', '2026-06-01T00:00:00Z', 'log-not-trusted'],
      ['retired', '2026-06-01T00:00:01Z', 'valid'],
      ['rejected', '2026-07-01T00:00:00Z', 'log-not-trusted'],
      ['pending', '2026-01-01T00:00:00Z', 'log-not-trusted'],
      ['readonly', '2026-01-01T00:00:00Z', 'valid'],
      ['usable', '2026-01-01T00:00:00Z', 'valid'],
    ] as const)
      expect(results(chain, withState(name, since))).toEqual([`certificate: ${expected}`]);
  });

  it('are valid only if every list that has the log agrees', async () => {
    const chain = await logged();
    const { entry } = chain.log;
    const state = { rejected: { timestamp: '2026-01-01T00:00:00Z' } };
    const [usual, stricter, unrelated] = [entry, { ...entry, state }, newLog().entry].map(
      (candidate) => logList(candidate),
    );
    expect(results(chain, { logs: [unrelated!, usual!] })).toEqual(['certificate: valid']);
    expect(results(chain, { logs: [usual!, stricter!] })).toEqual(['certificate: log-not-trusted']);
  });
});

describe('Signed certificate timestamps beside a certificate', () => {
  it('are valid for the whole certificate only', async () => {
    const { leaf, issuer, precertificate } = await logged();
    const log = newLog();
    const logs = [logList(log.entry)];
    const tls = listOf(log.sct(wholeEntry(leaf)));
    const ocsp = der(4, tls);
    const unlogged = 'certificate: unknown-log';
    expect(results({ leaf, issuer }, { logs, tls, ocsp })).toEqual([
      unlogged,
      'ocsp: valid',
      'tls: valid',
    ]);
    const wrong = listOf(log.sct(precertificate));
    expect(results({ leaf, issuer }, { logs, tls: wrong })).toEqual([unlogged, 'tls: signature']);
    // The issuer is part of what a log signs for a precertificate only.
    expect(results({ leaf, issuer }, { logs, tls, issuer: undefined })[1]).toBe('tls: valid');
  });
});

describe('A list of signed certificate timestamps', () => {
  it('is refused when it is cut off anywhere, empty, or has bytes after it', async () => {
    const { list, leaf, issuer } = await logged();
    expect(readSctList(list)).toHaveLength(1);
    const code = 'ERR_CERTIFICATE_SCT';
    for (let end = 0; end < list.length; end += 1) {
      expect(failure(() => readSctList(list.subarray(0, end)))).toMatchObject({ code });
      const cut = list.subarray(0, end);
      const [, ...beside] = results({ leaf, issuer }, { tls: cut, ocsp: der(4, cut) });
      expect(beside).toEqual(['ocsp: unreadable', 'tls: unreadable']);
    }
    const longer = Buffer.concat([list, Uint8Array.of(0)]);
    for (const bad of [longer, Uint8Array.of(0, 0)])
      expect(failure(() => readSctList(bad))).toMatchObject({ code });
    expect(failure(() => readSctExtension(list))).toMatchObject({ code });
  });

  it('in a certificate is reported when it is damaged, or there are two', async () => {
    const { issuer, withList, list } = await logged();
    for (const lists of [[list.subarray(1)], [Buffer.alloc(0)], [list, list]]) {
      const leaf = await withList(...lists);
      expect(results({ leaf, issuer }, {})).toEqual(['certificate: unreadable']);
    }
  });

  it('is read on behind an SCT that is damaged, or of an unknown version', async () => {
    const { leaf, issuer } = await newLogged();
    const log = newLog();
    const good = log.sct(wholeEntry(leaf));
    const newer = Buffer.from(good);
    newer[0] = 1;
    const late = Buffer.from(good);
    late.fill(0xff, 33, 41);
    const tls = listOf(newer, good.subarray(0, 60), Buffer.alloc(0), late, good);
    const verified = verifyScts(leaf, { issuer, at, logs: [logList(log.entry)], tls });
    expect(verified.map(({ reason }) => reason)).toEqual([
      'it has the unknown version 2',
      ...['it is cut off, or damaged', 'it is empty', 'it is cut off, or damaged'],
      '',
    ]);
  });

  it('of 64 KB is read whole', async () => {
    const { leaf, issuer } = await newLogged();
    const log = newLog();
    const good = log.sct(wholeEntry(leaf));
    const count = Math.floor(65_535 / (good.length + 2));
    const tls = listOf(...Array.from({ length: count }, () => good));
    const verified = results({ leaf, issuer }, { logs: [logList(log.entry)], tls });
    expect(verified).toEqual(Array.from({ length: count }, () => 'tls: valid'));
  });

  async function newLogged() {
    const { issuer, withList } = await newCa();
    return { issuer, leaf: await withList() };
  }
});

it('Certificates that cannot be read have a stable code', async () => {
  const { leaf, issuer } = await logged();
  const options = { logs: [], at };
  for (const run of [
    () => readEmbeddedScts(leaf.subarray(1)),
    () => verifyScts(leaf.subarray(1), { ...options, issuer }),
    () => verifyScts(leaf, { ...options, issuer: issuer.subarray(1) }),
  ])
    expect(failure(run)).toMatchObject({ code: 'ERR_CERTIFICATE_FORMAT' });
});

describe('A list of logs', () => {
  const { entry } = newLog();
  const state = { usable: { timestamp: '2026-01-01T00:00:00Z' } };
  const withLogs = (...logs: readonly unknown[]) => ({ operators: [{ name: 'Test', logs }] });

  it('is read by id, also with logs of the static API and members of a later version', () => {
    const tiled = newLog().entry;
    const operators = [
      { name: 'A', email: ['a@a.test'], logs: [{ ...entry, state, mmd: 86_400 }] },
      { name: 'B', tiled_logs: [tiled] },
    ];
    const logs = readLogList(JSON.stringify({ version: '99.1', operators, more: true }));
    expect([...logs.keys()]).toEqual([entry.log_id, tiled.log_id]);
    expect(logs.get(entry.log_id)).toMatchObject({ operator: 'A', state: { name: 'usable' } });
    expect(logs.get(tiled.log_id)).toMatchObject({ operator: 'B', state: undefined });
  });

  it.each([
    ['', 'it is not JSON'],
    ['<html>', 'it is not JSON'],
    ['[]', 'the list must be an object'],
    ['{}', 'operators must be a list of operators'],
    [{ operators: [] }, 'operators must have a log'],
    // Version 1 had the logs beside the operators.
    [{ operators: [{ id: 0, name: 'A' }], logs: [] }, 'operators must have a log'],
    [{ operators: [{ logs: [entry] }] }, 'operators[0].name must be the name of the operator'],
    [withLogs({ ...entry, key: 'no base64!' }), 'operators[0].logs[0].key must be base64'],
    [withLogs(entry, { ...entry, log_id: 'AAAA' }), 'operators[0].logs[1].log_id must be 32 bytes'],
    [withLogs({ ...entry, state: {} }), 'operators[0].logs[0].state must be exactly one state'],
    [
      withLogs({ ...entry, state: { retired: { timestamp: 'soon' } } }),
      'operators[0].logs[0].state.retired.timestamp must be a time',
    ],
    [withLogs(...Array.from({ length: 5 }, () => ({ ...entry, key: 1 }))), '; 2 more'],
    [' '.repeat(8_388_609), 'it is larger than 8 MiB'],
  ])('is refused with the place and the cure (%#)', (input, words) => {
    const json = typeof input === 'string' ? input : JSON.stringify(input);
    const { code, message } = failure(() => readLogList(json));
    expect(code).toBe('ERR_CERTIFICATE_LOG_LIST');
    expect(message).toContain(words);
    expect(message).toContain('use version 3 of a list, such as https://');
  });
});

function failure(run: () => unknown): CertificateError {
  try {
    run();
  } catch (error) {
    if (error instanceof CertificateError) return error;
    throw error;
  }
  throw new Error('it does not fail');
}
