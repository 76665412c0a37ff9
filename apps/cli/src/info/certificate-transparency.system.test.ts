import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { promisify } from 'node:util';
import { parseCertificate } from '@acmex/certificate';
import {
  context,
  der,
  encoding,
  members,
  objectIdentifier,
  readCertificateFields,
  readDerValue,
  readObjectIdentifier,
  tags,
} from '@acmex/certificate/structure';
import { systemClock } from '@acmex/clock';
import { describeWith, temporaryFolder, type TemporaryFolder } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';

const poison = '1.3.6.1.4.1.11129.2.4.3';
const embeddedScts = '1.3.6.1.4.1.11129.2.4.2';
const ocspScts = '1.3.6.1.4.1.11129.2.4.5';
const constructed = (tag: number) => context(tag, { constructed: true });

let temporary: TemporaryFolder;
const at = (name: string) => join(temporary.path, name);
const openssl = (...args: string[]) =>
  promisify(execFile)('openssl', args, { cwd: temporary.path });

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const logKey = publicKey.export({ format: 'der', type: 'spki' });
const logId = createHash('sha256').update(logKey).digest();
const now = systemClock.now();
const signedAt = now.subtract({ hours: 1 });

function number(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes.subarray(8 - length);
}

const vector = (bytes: Uint8Array) => Buffer.concat([number(bytes.length, 2), bytes]);

/** The log promises to include an entry: a list with its SCT. RFC 6962 §3.2 */
function sctList(type: number, ...entry: readonly Uint8Array[]): Buffer {
  const time = number(signedAt.epochMilliseconds, 8);
  const signed = Buffer.concat([number(0, 2), time, number(type, 2), ...entry, number(0, 2)]);
  const signature = vector(sign('sha256', signed, privateKey));
  const sct = [number(0, 1), logId, time, number(0, 2), Uint8Array.of(4, 3), signature];
  return vector(vector(Buffer.concat(sct)));
}

const withLength = (bytes: Uint8Array) => [number(bytes.length, 3), bytes];

/** What a log signs of a precertificate: its fields without the poison. RFC 6962 §3.2 */
function withoutPoison(precertificate: Uint8Array): Uint8Array {
  const fields = members(readDerValue(readCertificateFields(precertificate).signed));
  const remaining = fields.map((field) => {
    const [list] = field.tag === constructed(3) ? members(field) : [];
    if (!list) return encoding(field);
    const extensions = members(list).filter(
      (extension) => readObjectIdentifier(members(extension)[0]!) !== poison,
    );
    return der(constructed(3), der(tags.sequence, ...extensions.map(encoding)));
  });
  return der(tags.sequence, ...remaining);
}

const opensslTime = (time: typeof now) =>
  time.toString({ smallestUnit: 'second' }).replace(/[-:T]/g, '');

/** Signs a certificate with the same serial number and dates each time. */
async function certify(name: string, extension: string): Promise<Uint8Array> {
  await writeFile(at('index'), '');
  await writeFile(at('serial'), '1000\n');
  await writeFile(
    at('ca.cnf'),
    `[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ncertificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n[x]\nsubjectAltName=DNS:leaf.test\n${extension}\n`,
  );
  const dates = [
    ...['-startdate', opensslTime(now.subtract({ hours: 24 }))],
    ...['-enddate', opensslTime(now.add({ hours: 24 }))],
  ];
  await openssl(
    ...['ca', '-batch', '-notext', '-config', 'ca.cnf', '-extensions', 'x', ...dates],
    ...['-in', 'leaf.csr', '-out', `${name}.pem`],
  );
  return parseCertificate(await readFile(at(`${name}.pem`))).der;
}

/** A response whose signature is not checked: each SCT has its own. RFC 6960 §4.2.1 */
function ocspResponse(certificate: Uint8Array, issuer: Uint8Array, list: Uint8Array): Buffer {
  const { serialNumber } = readCertificateFields(certificate);
  const { subject, keyBits } = readCertificateFields(issuer);
  const sha1 = (bytes: Uint8Array) =>
    der(tags.octetString, createHash('sha1').update(bytes).digest());
  const algorithm = (identifier: string) => der(tags.sequence, objectIdentifier(identifier));
  const time = der(tags.generalizedTime, Buffer.from('20260101000000Z'));
  const extension = der(
    tags.sequence,
    objectIdentifier(ocspScts),
    der(tags.octetString, der(tags.octetString, list)),
  );
  const id = der(
    tags.sequence,
    ...[algorithm('1.3.14.3.2.26'), sha1(subject.encoded), sha1(keyBits)],
    der(tags.integer, serialNumber),
  );
  const extensions = der(constructed(1), der(tags.sequence, extension));
  const single = der(tags.sequence, id, der(context(0)), time, extensions);
  const data = der(
    tags.sequence,
    ...[der(constructed(2), sha1(keyBits)), time, der(tags.sequence, single)],
  );
  const basic = der(
    tags.sequence,
    ...[data, algorithm('1.2.840.10045.4.3.2'), der(tags.bitString, Uint8Array.of(0, 0))],
  );
  const bytes = der(tags.sequence, objectIdentifier('1.3.6.1.5.5.7.48.1.1'), der(4, basic));
  return Buffer.from(der(tags.sequence, der(0x0a, Uint8Array.of(0)), der(constructed(0), bytes)));
}

describeWith(['openssl'], 'acmex info of signed certificate timestamps', () => {
  const log = {
    description: 'Test \u001b[31m log',
    log_id: logId.toString('base64'),
    key: logKey.toString('base64'),
  };
  let issuer: Uint8Array;
  let leaf: Uint8Array;

  beforeAll(async () => {
    temporary = await temporaryFolder('scts');
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-batch'];
    await openssl(
      ...['req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Root'],
    );
    await openssl(
      ...['req', '-new', ...key, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', '/CN=leaf'],
    );
    issuer = parseCertificate(await readFile(at('ca.pem'))).der;
    const signed = withoutPoison(await certify('precertificate', `${poison}=critical,ASN1:NULL`));
    const keyHash = createHash('sha256').update(readCertificateFields(issuer).publicKey).digest();
    const list = der(tags.octetString, sctList(1, keyHash, ...withLength(signed)));
    const hexadecimal = Buffer.from(list).toString('hex');
    leaf = await certify('leaf', `${embeddedScts}=DER:${hexadecimal}`);
    await writeFile(at('chain.pem'), (await readFile(at('leaf.pem'))) + (await caPem()));
    await writeFile(
      at('logs.json'),
      JSON.stringify({ operators: [{ name: 'Test', logs: [log] }] }),
    );
    await writeFile(at('logs.cnf'), `enabled_logs=a\n[a]\ndescription=a\nkey=${log.key}\n`);
  });
  afterAll(async () => {
    await temporary[Symbol.asyncDispose]();
  });

  const caPem = async () => await readFile(at('ca.pem'), 'utf8');

  async function serving(ocsp: Buffer) {
    const [cert, key] = await Promise.all([readFile(at('chain.pem')), readFile(at('leaf.key'))]);
    const server = createServer({ cert, key }, (socket) => socket.on('error', () => undefined))
      .on('OCSPRequest', (_, __, respond: (e: null, r: Buffer) => void) => respond(null, ocsp))
      .on('tlsClientError', () => undefined);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return {
      target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      [Symbol.asyncDispose]: async () => {
        const closed = once(server, 'close');
        server.close();
        await closed;
      },
    };
  }

  it('verifies those in the certificate and in the OCSP response, as openssl does', async () => {
    const response = ocspResponse(leaf, issuer, sctList(0, ...withLength(leaf)));
    await using server = await serving(response);
    const flags = ['--servername', 'leaf.test', '--ct-logs', at('logs.json')];
    const { code, stdout } = await acmex(['info', server.target, ...flags]);
    const name = String.raw`Test \u{1b}[31m log, ${signedAt}`;
    expect(stdout).toContain(`\nSCT          ${name}: valid\n`);
    expect(stdout).toContain(`\nSCT          ${name} in the OCSP response: valid\n`);
    expect(code).toBe(0);
    const client = openssl(
      ...['s_client', '-connect', server.target, '-CAfile', 'ca.pem'],
      ...['-ct', '-ctlogfile', 'logs.cnf'],
    );
    client.child.stdin?.end();
    const { stdout: report } = await client;
    expect(report.match(/validation status: valid/gi)).toHaveLength(2);
  });

  it('shows those in the certificate when the OCSP response is cut off', async () => {
    const response = ocspResponse(leaf, issuer, sctList(0, ...withLength(leaf)));
    await using server = await serving(response.subarray(0, -5));
    const { code, stdout } = await acmex(['info', server.target, '--ct-logs', at('logs.json')]);
    expect(stdout.match(/^SCT .*$/gm)).toEqual([expect.stringMatching(/Z: valid$/)]);
    expect(code).toBe(0);
  });

  it('shows them without a list, and says how to verify them', async () => {
    const { code, stdout } = await acmex(['info', at('chain.pem')]);
    expect(stdout).toContain(
      `SCT          log ${log.log_id}, ${signedAt}: not verified: there is no list of logs: use --ct-logs\n`,
    );
    expect(code).toBe(0);
    const { stdout: json } = await acmex(['info', at('chain.pem'), '--json']);
    expect(JSON.parse(json).scts).toEqual([
      {
        source: 'certificate',
        logId: log.log_id,
        timestamp: signedAt.toString(),
        status: 'not-verified',
        fault: 'no-log-list',
        reason: 'there is no list of logs',
      },
    ]);
  });

  it('ends with 4 when none is valid: without the issuer, the log, or any SCT', async () => {
    const unrelated = { ...log, log_id: Buffer.alloc(32).toString('base64') };
    const text = JSON.stringify({ operators: [{ name: 'Test', tiled_logs: [unrelated] }] });
    await writeFile(at('unrelated.json'), text);
    for (const [file, list, words] of [
      ['leaf.pem', 'logs.json', 'not verified: the certificate of the issuer is not included: use'],
      ['chain.pem', 'unrelated.json', 'not verified: the list of logs does not have its log'],
      ['ca.pem', 'logs.json', 'SCT          (none)'],
    ] as const) {
      const { code, stdout } = await acmex(['info', at(file), '--ct-logs', at(list)]);
      expect(stdout).toContain(words);
      expect(code).toBe(4);
    }
    const both = [at('unrelated.json'), at('logs.json')].join(',');
    const { code, stdout } = await acmex(['info', at('chain.pem'), '--json', '--ct-logs', both]);
    expect(JSON.parse(stdout).scts).toEqual([
      expect.objectContaining({ log: log.description, operator: 'Test', status: 'valid' }),
    ]);
    expect(code).toBe(0);
  });

  it('shows ten of a long list, and a damaged list with its reason', async () => {
    const length = 300;
    const entry = vector(Buffer.concat([Uint8Array.of(7), Buffer.alloc(100)]));
    const long = vector(Buffer.concat(Array.from({ length }, () => entry)));
    for (const [list, lines, words] of [
      [long, 11, 'and 290 more: 0 valid, 290 not verified; --json has all'],
      [long.subarray(0, 9), 1, 'an entry: not verified: the list of SCTs cannot be read'],
    ] as const) {
      const value = Buffer.from(der(tags.octetString, list)).toString('hex');
      await certify('bad', `${embeddedScts}=DER:${value}`);
      const { stdout } = await acmex(['info', at('bad.pem')]);
      expect(stdout.match(/^SCT /gm)).toHaveLength(lines);
      expect(stdout).toContain(words);
    }
  });

  it.each([
    ['no.json', 'cannot be read'],
    ['ca.pem', 'it is not JSON'],
  ])('refuses %s as a list', async (file, words) => {
    const { code, stderr } = await acmex(['info', at('chain.pem'), '--ct-logs', at(file)]);
    expect(stderr).toContain(at(file));
    expect(stderr).toContain(words);
    expect(stderr).toContain('[ERR_CLI_FILE]');
    expect(code).toBe(3);
  });
});
