import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  describeWith,
  freePort,
  type Program,
  startProgram,
  type TemporaryFolder,
  temporaryFolder,
} from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';

const run = promisify(execFile);
const env = { PATH: `${process.env['PATH']}:/usr/sbin` };

describeWith(['named'], 'acmex dns trace with a resolver that validates DNSSEC', () => {
  let folder: TemporaryFolder;
  const programs: Program[] = [];
  let resolver: string;

  const named = async (name: string, lines: readonly string[]) => {
    const port = await freePort();
    const file = join(folder.path, `${name}.conf`);
    const options = [
      `directory "${folder.path}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };`,
      `pid-file none; session-keyfile "${folder.path}/${name}.key"; lock-file none; notify no;`,
      `managed-keys-directory "${folder.path}";`,
    ];
    const [more = '', ...rest] = lines;
    await writeFile(
      file,
      `options { ${options.join(' ')} ${more} };\ncontrols { };\n${rest.join('\n')}\n`,
    );
    programs.push(
      await startProgram({
        command: 'named',
        args: ['-g', '-c', file],
        env,
        ready: (log) => log.includes('running'),
      }),
    );
    return port;
  };

  /** Signs a zone, and returns its key as a trust anchor has it. */
  const signedZone = async (zone: string): Promise<string> => {
    const keys = join(folder.path, zone);
    await mkdir(keys);
    await run('dnssec-keygen', ['-q', '-K', keys, '-a', 'ECDSAP256SHA256', '-f', 'KSK', zone], {
      env,
    });
    const [file = ''] = (await readdir(keys)).filter((name) => name.endsWith('.key'));
    const key = await readFile(join(keys, file), 'utf8');
    const records = `$TTL 1\n@ IN SOA ns1 admin 1 3600 600 86400 1\n@ IN NS ns1\nns1 IN A 127.0.0.1\n_acme-challenge.www IN TXT "seen"\n`;
    await writeFile(join(folder.path, `${zone}.zone`), `${records}${key}`);
    await run(
      'dnssec-signzone',
      ['-z', '-K', keys, '-o', zone, '-f', `${zone}.signed`, `${zone}.zone`],
      { cwd: folder.path, env },
    );
    return /DNSKEY\s+(257 3 13) (.+)$/m.exec(key)?.slice(1).join(' "').concat('"') ?? '';
  };

  beforeAll(async () => {
    folder = await temporaryFolder('dnssec');
    const good = await signedZone('good.test');
    await signedZone('bad.test');
    const zones = ['good.test', 'bad.test'].map(
      (zone) => `zone "${zone}" { type primary; file "${zone}.signed"; };`,
    );
    await writeFile(
      join(folder.path, 'plain'),
      '$TTL 1\n@ IN SOA ns1 admin 1 3600 600 86400 1\n@ IN NS ns1\nns1 IN A 127.0.0.1\n_acme-challenge.www IN TXT "seen"\n',
    );
    const authority = await named('authority', [
      'recursion no; dnssec-validation no;',
      ...zones,
      'zone "plain.test" { type primary; file "plain"; };',
    ]);
    // The anchor of bad.test is the key of another zone, as a stale DS record would be.
    const anchors = ['good.test', 'bad.test'].map((zone) => `${zone}. static-key ${good};`);
    const port = await named('resolver', [
      `recursion yes; dnssec-validation yes; forward only; forwarders { 127.0.0.1 port ${authority}; };`,
      `trust-anchors { ${anchors.join(' ')} };`,
    ]);
    resolver = `127.0.0.1:${port}`;
  });
  afterAll(async () => {
    for (const program of programs) await program[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const trace = async (name: string) =>
    await acmex(['dns', 'trace', name, '--dns-resolver', resolver]);

  it('says that a zone whose signatures are wrong is bogus, and what to do', async () => {
    const { code, stdout, stderr } = await trace('www.bad.test');
    expect([code, stdout]).toEqual([6, '']);
    expect(stderr).toMatch(/_acme-challenge\.www\.bad\.test: its zone is bogus.*\[ERR_DNS_BOGUS\]/);
    expect(stderr).toContain('DS record at the registrar');
  });
  it('finds it in acmex check, and looks up nothing else of the name', async () => {
    const { stdout } = await acmex([
      ...['check', 'www.bad.test', '-c', 'http-01', '--dns-resolver', resolver, '--json'],
      ...['--server', 'https://127.0.0.1:9/directory', '--storage', `file:${folder.path}/storage`],
    ]);
    const { checks } = JSON.parse(stdout) as {
      readonly checks: readonly {
        readonly check: string;
        readonly saw?: string;
        readonly codes: readonly string[];
      }[];
    };
    const ofName = checks.filter(({ check }) => ['dnssec', 'caa', 'http'].includes(check));
    expect(ofName.map(({ check, saw, codes }) => [check, saw, codes])).toEqual([
      ['dnssec', undefined, ['ERR_DNS_BOGUS']],
      ['caa', 'its zone is bogus', []],
      ['http', 'its zone is bogus', []],
    ]);
  });
  it.each([
    ['www.good.test', 'signed, and the signatures are valid'],
    ['www.plain.test', 'not signed, or this resolver does not validate signatures'],
  ])('traces %s, and says that it is %s', async (name, text) => {
    const { stdout, stderr } = await trace(name);
    expect([stdout, stderr]).toEqual([
      expect.stringContaining(`dnssec   ${text}`),
      expect.any(String),
    ]);
  });
});
