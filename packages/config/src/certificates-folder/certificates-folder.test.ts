import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { configFolder, type ConfigFolder } from '../config.testing.ts';
import { checkConfig, explain, faultText, readConfig } from '../index.ts';
import { readFolder } from './folder-files.ts';

type Files = Readonly<Record<string, string | Uint8Array>>;

/** A folder with acmex.toml and these files in `certificates.d`. */
async function withFiles(files: Files, toml = ''): Promise<ConfigFolder> {
  const folder = await configFolder(toml);
  const certificates = join(folder.path, 'certificates.d');
  await mkdir(certificates, { mode: 0o700 });
  for (const [name, content] of Object.entries(files))
    await writeFile(join(certificates, name), content, { mode: 0o600 });
  return folder;
}

/** The names and key type of each certificate. */
async function certificatesOf(files: Files, toml?: string): Promise<readonly string[]> {
  await using folder = await withFiles(files, toml);
  const { values } = await readConfig(folder.options);
  return values.certificates.map(({ names, key_type: type }) => `${names.join(' ')} ${type}`);
}

/** The faults, with paths from the folder of acmex.toml. */
async function faultsOf(files: Files, toml?: string): Promise<readonly string[]> {
  await using folder = await withFiles(files, toml);
  const { faults } = await checkConfig(folder.options);
  return faults.map((fault) => faultText(fault).replaceAll(`${folder.path}/`, ''));
}

const toml = '[[certificates]]\nnames = ["a.test"]\nkey_type = "rsa-2048"\n';
const yaml = 'certificates:\n  - names: [b.test, "*.b.test"]\n    challenge: dns-01\n';
const csv = 'names,key_type,labels.team\nc.test www.c.test,ec-p384,web\nd.test,,\n';
const dns =
  '[challenge.dns01]\nprovider = "x"\n[[challenge.dns01.providers]]\nname = "x"\ntype = "exec"\nprogram = "/bin/true"\n';

describe('the folder certificates.d', () => {
  it('adds TOML, YAML and CSV files to acmex.toml, in the order of their names', async () => {
    const main = `${dns}[[certificates]]\nnames = ["own.test"]\n`;
    expect(await certificatesOf({ '2.yaml': yaml, '1.toml': toml, '3.csv': csv }, main)).toEqual([
      'own.test ec-p256',
      'a.test rsa-2048',
      'b.test *.b.test ec-p256',
      'c.test www.c.test ec-p384',
      'd.test ec-p256',
    ]);
  });

  it('says where each value comes from, and which files were read', async () => {
    await using folder = await withFiles({ 'c.csv': csv, 'n.yml': 'certificates:\n' });
    const config = await readConfig(folder.options);
    expect(config.certificateFiles.map((file) => file.slice(folder.path.length))).toEqual([
      '/certificates.d/c.csv',
      '/certificates.d/n.yml',
    ]);
    const origins = explain(config).filter(({ key }) => key.startsWith('certificates[0].'));
    expect(Object.fromEntries(origins.map(({ key, origin }) => [key, origin]))).toMatchObject({
      'certificates[0].names': `${folder.path}/certificates.d/c.csv:2:1`,
      'certificates[0].labels.team': `${folder.path}/certificates.d/c.csv:2:27`,
      'certificates[0].reuse_key': 'default',
    });
  });

  it('has every key of a certificate as a column', async () => {
    const text = [
      'names;reuse_key;renew_before_days;served_at;hooks.after;deploy.directory;deploy.mode;labels.a.b',
      'a.test,b.test;true;20;a.test:443 smtp://a.test:25;/bin/sh -c x;/etc/a;0640;"one ""two"""',
    ].join('\r\n');
    await using folder = await withFiles({ 'a.csv': text });
    const { values } = await readConfig(folder.options);
    expect(values.certificates).toMatchObject([
      {
        names: ['a.test', 'b.test'],
        reuse_key: true,
        renew_before_days: 20,
        served_at: ['a.test:443', 'smtp://a.test:25'],
        hooks: { after: ['/bin/sh', '-c', 'x'] },
        deploy: [{ directory: '/etc/a', mode: '0640' }],
        labels: { 'a.b': 'one "two"' },
      },
    ]);
  });

  it('replaces variables as in acmex.toml', async () => {
    await using folder = await withFiles({ 'a.csv': 'names\nwww.${ZONE}\n' });
    const environment = { ZONE: 'example.org' };
    const { values } = await readConfig({ ...folder.options, environment });
    expect(values.certificates[0]?.names).toEqual(['www.example.org']);
  });

  it.each([
    ['TOML', 'a.toml', toml, 'a.test rsa-2048'],
    [
      'YAML',
      'a.yaml',
      'certificates:\n  - names: [a.test]\n    key_type: rsa-2048\n',
      'a.test rsa-2048',
    ],
    ['CSV', 'a.csv', 'names,key_type\na.test,rsa-2048\n', 'a.test rsa-2048'],
  ])('reads %s with a byte order mark and CRLF', async (_, name, text, expected) => {
    const marked = `\uFEFF${text.replaceAll('\n', '\r\n')}`;
    expect(await certificatesOf({ [name]: marked })).toEqual([expected]);
  });

  it('leaves out what editors, package managers and version control leave', async () => {
    const broken = 'not a certificate';
    const names = [
      '.a.toml.swp',
      '.hidden.toml',
      'a.toml~',
      '#a.toml#',
      'a.toml.bak',
      'a.toml.orig',
    ];
    const more = ['a.toml.dpkg-old', 'a.toml.rpmnew', 'a.toml.disabled', 'README', 'notes.md'];
    const files = Object.fromEntries([...names, ...more].map((name) => [name, broken]));
    await using folder = await withFiles({ ...files, 'a.toml': toml });
    await mkdir(join(folder.path, 'certificates.d', '.git'));
    const { values } = await readConfig(folder.options);
    expect(values.certificates).toHaveLength(1);
  });

  it('follows links to files, also those of a Kubernetes volume', async () => {
    await using folder = await withFiles({});
    const certificates = join(folder.path, 'certificates.d');
    await mkdir(join(certificates, '..2026'));
    await writeFile(join(certificates, '..2026', 'a.toml'), toml, { mode: 0o600 });
    await symlink('..2026', join(certificates, '..data'));
    await symlink('..data/a.toml', join(certificates, 'a.toml'));
    const { values } = await readConfig(folder.options);
    expect(values.certificates).toHaveLength(1);
  });

  it('reads the folder again when a file is removed or written meanwhile', async () => {
    await using folder = await withFiles({ 'a.toml': toml, 'b.toml': toml });
    const path = join(folder.path, 'certificates.d');
    let lists = 0;
    const list = async (directory: string) => {
      const names = await readdir(directory);
      if (lists++ === 0) await rename(join(path, 'b.toml'), join(path, 'c.toml'));
      return names;
    };
    const files = await readFolder(path, { list });
    expect(files.map((file) => file.path.slice(path.length))).toEqual(['/a.toml', '/c.toml']);
    const always = async (directory: string) => {
      await writeFile(join(path, 'd.toml'), toml, { mode: 0o600 });
      const names = await readdir(directory);
      await rm(join(path, 'd.toml'));
      return names;
    };
    expect(await readFolder(path, { list: always })).toEqual([
      expect.objectContaining({ path, problem: 'changes while it is read' }),
    ]);
  });

  it('is nothing where it does not exist, and where there is no acmex.toml', async () => {
    await using folder = await withFiles({ 'a.toml': toml });
    expect((await readConfig({ ...folder.options, file: false })).values.certificates).toEqual([]);
    await using empty = await configFolder('');
    expect((await readConfig(empty.options)).certificateFiles).toEqual([]);
  });

  it('refuses a file that others can change, a pipe, a folder, and a link that leads nowhere', async () => {
    await using folder = await withFiles({ 'a.toml': toml });
    const path = join(folder.path, 'certificates.d');
    await mkdir(join(path, 'folder.toml'));
    await symlink('nothing.toml', join(path, 'link.toml'));
    await symlink('loop.toml', join(path, 'loop.toml'));
    await promisify(execFile)('mkfifo', [join(path, 'pipe.toml')]);
    await promisify(execFile)('chmod', ['0666', join(path, 'a.toml')]);
    const { faults } = await checkConfig(folder.options);
    expect(faults.map((fault) => faultText(fault).replaceAll(`${path}/`, ''))).toEqual([
      `a.toml: can be written by others: chmod go-w a.toml [ERR_CONFIG_UNSAFE]`,
      'folder.toml: is a folder: move its files to the folder above',
      'link.toml: is a link that leads nowhere: correct the link, or remove it',
      'loop.toml: is a link that leads nowhere: correct the link, or remove it',
      'pipe.toml: is not a regular file: remove it',
    ]);
  });

  it('refuses a folder that others can change, and a file in its place', async () => {
    await using folder = await withFiles({});
    const path = join(folder.path, 'certificates.d');
    await promisify(execFile)('chmod', ['0777', path]);
    const texts = async () => (await checkConfig(folder.options)).faults.map(faultText);
    expect(await texts()).toEqual([
      `${path}: can be written by others: chmod go-w ${path} [ERR_CONFIG_UNSAFE]`,
    ]);
    await rmdir(path);
    await writeFile(path, toml);
    expect(await texts()).toEqual([`${path}: is not a folder: make it a folder with files in it`]);
  });

  it('reports the faults of all files at once, each with its file, line, column and key', async () => {
    expect(
      await faultsOf(
        {
          'a.toml': 'acme.ca = "letsencrypt"\n[[certificates]]\nnames = ["a b"]\n  keytype = "x"\n',
          'b.yaml': 'certificates:\n  - names: [b.test]\n    isuer: x\n    labels: {n: 1}\n',
          'c.csv': 'names,key_type,reuse_key\nc.test,rsa-1,perhaps\n\n"d\n.test",,\n',
          'd.json': '{}',
        },
        '[acme]\nca = "none"\n',
      ),
    ).toEqual([
      'acmex.toml:2: acme.ca does not fit: write one of "letsencrypt", "google", "zerossl", "sslcom", "custom"',
      'certificates.d/a.toml:1:1: acme does not belong into a file with certificates: write [[certificates]] here, and anything else in acmex.toml',
      'certificates.d/a.toml:3:10: certificates[0].names[0] "a b" has the character " ", which no domain name has: write it as example.com, *.example.com or 192.0.2.1 [ERR_ACME_IDENTIFIER]',
      'certificates.d/a.toml:4:3: certificates[0].keytype is not known: write key_type, if you mean that',
      'certificates.d/b.yaml:3:5: certificates[0].isuer is not known: write issuer, if you mean that',
      'certificates.d/b.yaml:4:14: certificates[0].labels.n is a number: write text',
      'certificates.d/c.csv:2:8: key_type does not fit: write one of "ec-p256", "ec-p384", "ec-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"',
      'certificates.d/c.csv:2:14: reuse_key is text: write true or false',
      'certificates.d/c.csv:4:1: names ".test" has an empty label: remove the dot at the start, or one of two dots in a row [ERR_ACME_IDENTIFIER]',
      'certificates.d/d.json: has a name that does not say what it is: end its name with .toml, .yaml, .yml or .csv, or with .disabled so that it is not read',
    ]);
  });

  it.each([
    ['TOML', { 'a.toml': 'certificates = [\n  {' }, 'a.toml:2:4: is not valid TOML: '],
    [
      'TOML of another form',
      { 'a.toml': '[certificates]\nnames = 1' },
      'a.toml:1:1: certificates is not a list of tables: ',
    ],
    [
      'YAML',
      { 'a.yml': 'certificates:\n\t- names: [a]' },
      'a.yml:2:1: is not valid YAML: indent with spaces instead of tabs',
    ],
    [
      'a key of YAML twice',
      { 'a.yml': 'certificates: []\ncertificates: []' },
      'a.yml:2:1: is not valid YAML: write each key once',
    ],
    [
      'two documents of YAML',
      { 'a.yml': 'certificates: []\n---\ncertificates: []' },
      'a.yml:2:1: is not valid YAML: write one document into a file, without a further ---',
    ],
    [
      'a tag of YAML',
      { 'a.yml': 'certificates: !x []' },
      'a.yml:1:15: is not valid YAML: write the value without a tag that begins with !',
    ],
    [
      'an alias of YAML without its anchor',
      { 'a.yml': 'certificates: *x' },
      'a.yml:1:15: is not valid YAML: write the anchor of the alias before it, with & instead of *',
    ],
    [
      'YAML that is a list',
      { 'a.yml': '- names: [a.test]' },
      'a.yml:1:1: is not a table: write "certificates:", and below it "- names: […]" for each certificate',
    ],
    [
      'CSV with an open quote',
      { 'a.csv': 'names\na.test\n"b.test\nc.test\n' },
      'a.csv:3:1: is not valid CSV: write quotes around the whole cell, and each quote inside of it twice',
    ],
    [
      'CSV without names',
      { 'a.csv': 'a.test,ec-p256' },
      'a.csv:1:1: a.test is not known: remove the column, or call it one of names, issuer, ',
    ],
    [
      'a column with a slip',
      { 'a.csv': 'names,keytype' },
      'a.csv:1:7: keytype is not known: write key_type, if you mean that',
    ],
    [
      'a column twice',
      { 'a.csv': 'names,issuer,names' },
      'a.csv:1:14: names is there twice: write each column once',
    ],
    [
      'a line with too many cells',
      { 'a.csv': 'names,issuer\na.test,,\n' },
      'a.csv:2:1: has 3 cells, and the first line has 2: write a comma for each empty cell, and quotes around a cell with a comma',
    ],
    [
      'a line without a name',
      { 'a.csv': 'names,key_type\n,ec-p256\n' },
      'a.csv:2:1: names is missing: write a list: ["one", "another"]',
    ],
    [
      'text that is not UTF-8',
      { 'a.csv': Buffer.from('names\na.test\n', 'utf16le') },
      'a.csv: is not UTF-8 text: save it as UTF-8',
    ],
    [
      'bytes that are not UTF-8',
      { 'a.csv': new Uint8Array([0xff, 0xfe]) },
      'a.csv: is not UTF-8 text: save it as UTF-8',
    ],
  ])('refuses %s with its place and what to do', async (_, files: Files, expected) => {
    const [first = ''] = await faultsOf(files);
    expect(first.replace('certificates.d/', '').slice(0, expected.length)).toBe(expected);
  });

  it('refuses a certificate that is there twice, in two files or in one', async () => {
    expect(
      await faultsOf(
        {
          'a.csv': 'names\nb.test A.test\n',
          'b.yaml': 'certificates:\n - names: [a.test, b.test]\n',
        },
        '[[certificates]]\nnames = ["own.test"]\n[[certificates]]\nnames = ["OWN.test"]\n',
      ),
    ).toEqual([
      'acmex.toml:4: certificates[1].names has the names of the certificate in acmex.toml:1, with the same CA, profile and key type: remove one of the two',
      'certificates.d/b.yaml:2:4: certificates[0].names has the names of the certificate in certificates.d/a.csv:2:1, with the same CA, profile and key type: remove one of the two',
    ]);
    expect(await certificatesOf({ 'a.csv': 'names,key_type\na.test,\na.test,rsa-2048\n' })).toEqual(
      ['a.test ec-p256', 'a.test rsa-2048'],
    );
  });

  it('refuses fields of a megabyte in a short message', async () => {
    const field = 'x'.repeat(2 ** 20);
    const [first = '', second = '', ...more] = await faultsOf({
      'a.csv': `names,labels.a\n${field},\na.test,"${field}"\n`,
    });
    expect(first).toContain('a.csv:2:1: names "xxx');
    expect(second).toBe(
      'certificates.d/a.csv:3:8: labels.a has 1048576 characters: write at most 4096 characters',
    );
    expect([more, first.length < 1000]).toEqual([[], true]);
  });

  it('refuses YAML whose aliases repeat millions of values, or with too many levels', async () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (const [to, from] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf'].map((pair) => [...pair]))
      bomb.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join()}]`);
    const expected =
      'certificates.d/a.yaml: is not valid YAML: write it with fewer levels and fewer aliases';
    expect(await faultsOf({ 'a.yaml': bomb.join('\n') })).toEqual([expected]);
    const [first, ...more] = await faultsOf({ 'a.yaml': '['.repeat(20_000) });
    expect([first?.slice(0, 46), more]).toEqual([
      'certificates.d/a.yaml:1:822: is not valid YAML',
      [],
    ]);
  });

  it('reads 5,000 lines of CSV', async () => {
    const lines = Array.from({ length: 5000 }, (_, index) => `host-${index}.example.com,ec-p256`);
    expect(await certificatesOf({ 'a.csv': `names,key_type\n${lines.join('\n')}` })).toHaveLength(
      5000,
    );
  });
});
