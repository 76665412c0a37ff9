import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { json } from 'node:stream/consumers';
import { parseChain } from '@acmex/certificate';
import { systemClock } from '@acmex/clock';
import { lookUp } from '@acmex/dns';
import { rfc2136 } from '@acmex/dns-rfc2136';
import { keyAuthorizationDigest } from '@acmex/protocol';
import {
  type Bind,
  describeWith,
  type Pebble,
  type PowerDns,
  removeFolder,
  startBind,
  startPebble,
  startPowerDns,
} from '@acmex/services';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions } from '../terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
});
afterEach(async () => {
  await removeFolder(folder);
});
const at = (file: string) => join(folder, file);
async function program(path: string, text: string, mode = 0o755): Promise<string> {
  await mkdir(dirname(at(path)), { recursive: true });
  await writeFile(at(path), text);
  await chmod(at(path), mode);
  return at(path);
}
const PATH = process.env.PATH;
const obtain = async (
  { directory, caFile }: Pebble,
  names: string,
  args: readonly string[],
  options: AcmexOptions = {},
) =>
  await acmex(
    [
      'obtain',
      '-d',
      names,
      '-c',
      'dns-01',
      '--server',
      directory,
      '--ca-certificate',
      caFile,
      '--storage',
      at('data'),
      '--cert-path',
      at('certificate.pem'),
      '-k',
      at('private_key.pem'),
      '--accept-tos',
      ...args,
    ],
    options,
  );
const renew = async (env: NodeJS.ProcessEnv) =>
  await acmex(['renew', '--all', '--force', '--storage', at('data')], { env });
const namesIn = async () =>
  parseChain(await readFile(at('certificate.pem'), 'utf8'))[0]
    ?.identifiers.map(({ value }) => value)
    .sort();
const txtRecords = async (server: { readonly address: string }, name = '_acme-challenge.a.test') =>
  await lookUp({ clock: systemClock, servers: [server.address] }).txt(name);
/** Counts the validations of Pebble, which uses one authorization in a hundred again. */
const validations = (server: Pebble) =>
  server.log().split('Pulled a task from the Tasks queue').length - 1;
/** A line of sh that changes one record by nsupdate. */
const update = (verb: 'add' | 'delete', name: string, value: string) =>
  `printf 'server 127.0.0.1 %s\\nupdate ${verb} %s TXT "%s"\\nsend\\n' "$DNS_PORT" "${name}${verb === 'add' ? ' 1' : ''}" "${value}" | nsupdate`;

describeWith(
  ['pebble', 'pebble-challtestsrv', 'named', 'nsupdate'],
  'a wildcard with its apex, from a CA that asks BIND',
  () => {
    let bind: Bind;
    let pebble: Pebble;
    beforeAll(async () => {
      bind = await startBind({
        zones: { 'a.test': ['_acme-challenge.www IN CNAME www.b.test.'], 'b.test': [] },
      });
      pebble = await startPebble({ dnsServer: bind.address });
    });
    afterAll(async () => {
      await pebble?.[Symbol.asyncDispose]();
      await bind?.[Symbol.asyncDispose]();
    });
    const by = (provider: string, ...more: readonly string[]) => [
      '--dns-provider',
      provider,
      '--dns-resolver',
      bind.address,
      ...more,
    ];
    const issued = async (provider: string, env: NodeJS.ProcessEnv, ...more: readonly string[]) => {
      const { code, stderr } = await obtain(pebble, 'a.test,*.a.test', by(provider, ...more), {
        env: { PATH, ...env },
      });
      expect([code, stderr]).toEqual([0, expect.stringContaining('all names are validated')]);
      expect(await namesIn()).toEqual(['*.a.test', 'a.test']);
      expect(await txtRecords(bind)).toEqual([]);
    };

    it('comes by dynamic update (RFC 2136), and is renewed with nothing around it', async () => {
      await issued('rfc2136', { RFC2136_SERVER: bind.address });
      await expect(renew({ PATH })).resolves.toMatchObject({
        code: 0,
        stdout: expect.stringContaining('renewed'),
      });
      expect(await txtRecords(bind)).toEqual([]);
    });
    it('comes by a program called as by lego', async () => {
      const hook = await program(
        'hook',
        `#!/bin/sh\ncase "$1" in present) ${update('add', '$2', '$3')};; cleanup) ${update('delete', '$2', '$3')};; *) exit 2;; esac\n`,
      );
      await issued(
        'exec',
        { EXEC_PATH: hook, DNS_PORT: String(bind.port) },
        '--dns-env',
        'DNS_PORT',
        '--save-credentials',
      );
    });
    it('comes by the pair of hooks that certbot has', async () => {
      const name = '_acme-challenge.$CERTBOT_DOMAIN.';
      const auth = await program(
        'auth',
        `#!/bin/sh\n[ "$1" = --all ] && ${update('add', name, '$CERTBOT_VALIDATION')}\n`,
      );
      const cleanup = await program(
        'cleanup',
        `#!/bin/sh\n${update('delete', name, '$CERTBOT_VALIDATION')}\n`,
      );
      await issued(
        'certbot',
        {
          CERTBOT_MANUAL_AUTH_HOOK: `${auth} --all`,
          CERTBOT_MANUAL_CLEANUP_HOOK: cleanup,
          DNS_PORT: String(bind.port),
        },
        '--dns-env',
        'DNS_*',
        '--save-credentials',
      );
      await expect(renew({ PATH })).resolves.toMatchObject({ code: 0 });
    });
    it('comes by a script of acme.sh, with the credentials that acme.sh keeps', async () => {
      await program(
        'acme/acme.sh',
        '_initpath() { . "$LE_WORKING_DIR/account.conf"; }\nmain() {\n  [ -z "$1" ] && echo help && return\n  "$@"\n}\nmain "$@"\n',
      );
      await program('acme/account.conf', `DNS_PORT='${bind.port}'\n`, 0o600);
      await program(
        'acme/dnsapi/dns_test.sh',
        `dns_test_add() {\n${update('add', '$1.', '$2')}\n}\ndns_test_rm() {\n${update('delete', '$1.', '$2')}\n}\n`,
        0o644,
      );
      await issued('acme.sh', { LE_WORKING_DIR: at('acme'), ACME_SH_DNS: 'dns_test' });
    });
    it.each(['default', 'RAW'])(
      'comes by an httpreq server that is sent the mode %s',
      async (mode) => {
        await using server = await httpreqServer(bind, mode);
        const count = (path: string) => server.paths.filter((entry) => entry === path).length;
        await issued(
          'httpreq',
          {
            HTTPREQ_ENDPOINT: server.url,
            HTTPREQ_MODE: mode,
            HTTPREQ_USERNAME: 'u',
            HTTPREQ_PASSWORD: 'a-password',
          },
          '--save-credentials',
        );
        expect([count('/present'), count('/cleanup')]).toEqual([2, 2]);
        const before = validations(pebble);
        await expect(renew({ PATH })).resolves.toMatchObject({ code: 0 });
        const total = 2 + validations(pebble) - before;
        expect([count('/present'), count('/cleanup')]).toEqual([total, total]);
      },
    );
    it('is not begun when a credential is set in this shell only', async () => {
      const env = {
        PATH,
        HTTPREQ_ENDPOINT: 'http://127.0.0.1:1',
        HTTPREQ_USERNAME: 'u',
        HTTPREQ_PASSWORD: 'canary',
      };
      const { code, stderr } = await obtain(pebble, 'a.test', by('httpreq'), { env });
      expect([code, stderr]).toEqual([
        2,
        expect.stringMatching(
          /HTTPREQ_ENDPOINT, HTTPREQ_USERNAME, HTTPREQ_PASSWORD are set in this shell only.*--save-credentials/,
        ),
      ]);
      expect(stderr).not.toContain('canary');
    });
    it('comes by a person who presses Enter, and is not managed, since no timer could renew it', async () => {
      const stdin = Object.assign(new PassThrough(), { isTTY: true });
      const writer = rfc2136({ server: bind.address });
      const work: Promise<void>[] = [];
      const onStderr = (text: string) => {
        const [, action, value = ''] =
          /(write|remove) this record.*: _acme-challenge\.a\.test TXT "([\w-]{43})"/.exec(text) ??
          [];
        const record = [{ name: '_acme-challenge', value }];
        if (action === 'write')
          work.push(
            writer.append('a.test', record).then(() => {
              stdin.write('\n');
            }),
          );
        if (action === 'remove') work.push(writer.remove('a.test', record));
      };
      const { code, stderr } = await obtain(pebble, 'a.test,*.a.test', by('manual'), {
        env: { PATH },
        stdin,
        onStderr,
      });
      await Promise.all(work);
      expect([code, stderr]).toEqual([0, expect.stringContaining('when you press Enter')]);
      expect([await namesIn(), await txtRecords(bind)]).toEqual([['*.a.test', 'a.test'], []]);
      await expect(
        acmex(['cert', 'list', '--storage', at('data'), '-o', 'json']),
      ).resolves.toMatchObject({ stdout: expect.stringMatching(/^\[\]\s*$/) });
    });
    it('comes by a person who cannot be asked, when the records are visible', async () => {
      const writer = rfc2136({ server: bind.address });
      const work: Promise<void>[] = [];
      const onStderr = (text: string) => {
        const [, value] =
          /write this record: _acme-challenge\.a\.test TXT "([\w-]{43})"/.exec(text) ?? [];
        if (value !== undefined)
          work.push(writer.append('a.test', [{ name: '_acme-challenge', value }]));
      };
      await expect(
        obtain(pebble, 'a.test', by('manual'), { env: { PATH }, onStderr }),
      ).resolves.toMatchObject({
        code: 0,
        stderr: expect.stringContaining('remove this record'),
      });
      await Promise.all(work);
      await writer.remove(
        'a.test',
        (await txtRecords(bind)).map((value) => ({ name: '_acme-challenge', value })),
      );
    });
    it('comes by two accounts, each of which writes its own zone alone', async () => {
      const hook = (zone: string) =>
        program(
          `hook-${zone}`,
          `#!/bin/sh\ncase "$2" in *.${zone}.) ;; *) exit 9;; esac\necho "$1" >> "$0.log"\ncase "$1" in present) ${update('add', '$2', '$3')};; *) ${update('delete', '$2', '$3')};; esac\n`,
        );
      const account = async (zone: string) =>
        `[[challenge.dns01.providers]]\nname = "${zone.replace('.', '-')}"\ntype = "exec"\nprogram = "${await hook(zone)}"\nenv = ["DNS_PORT"]\nzones = ["${zone}"]\n`;
      await program('acmex.toml', (await account('a.test')) + (await account('b.test')), 0o600);
      const options = { env: { PATH, DNS_PORT: String(bind.port) } };
      const { code, stderr } = await obtain(
        pebble,
        'a.test,*.a.test,b.test',
        ['--config', at('acmex.toml'), '--dns-resolver', bind.address],
        options,
      );
      expect([code, stderr]).toEqual([0, expect.stringContaining('all names are validated')]);
      const log = async (zone: string) =>
        (await readFile(at(`hook-${zone}.log`), 'utf8'))
          .split('\n')
          .filter((line) => line === 'present').length;
      expect([await log('a.test'), await log('b.test')]).toEqual([2, 1]);
      expect([await txtRecords(bind), await txtRecords(bind, '_acme-challenge.b.test')]).toEqual([
        [],
        [],
      ]);
      await expect(
        obtain(pebble, 'a.test,c.test', ['--config', at('acmex.toml'), '--force'], options),
      ).resolves.toMatchObject({
        code: 2,
        stderr: expect.stringMatching(
          /c\.test, for none of these is about it: a\.test \(a-test\), b\.test \(b-test\)/,
        ),
      });
    });
    it('is written where an alias leads, into the only zone that may be written', async () => {
      const { code } = await obtain(pebble, 'www.a.test', by('rfc2136'), {
        env: { PATH, RFC2136_SERVER: bind.address },
      });
      expect([code, await namesIn(), await txtRecords(bind, 'www.b.test')]).toEqual([
        0,
        ['www.a.test'],
        [],
      ]);
    });
    it('can be tried before: acmex dns check and trace with the same variables', async () => {
      const dns = async (...args: readonly string[]) =>
        await acmex(['dns', ...args, '--dns-provider', 'rfc2136', '--dns-resolver', bind.address], {
          env: { RFC2136_SERVER: bind.address },
        });
      await expect(dns('check', 'a.test')).resolves.toMatchObject({
        code: 0,
        stdout: expect.stringContaining('rfc2136 can write the records of a.test'),
      });
      await expect(dns('trace', 'a.test')).resolves.toMatchObject({
        code: 0,
        stdout: expect.stringContaining('zone     a.test'),
      });
      await expect(
        acmex(['dns', 'check', 'a.test', '--dns-provider', 'cloudflare']),
      ).resolves.toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/CLOUDFLARE_API_TOKEN or .*dash\.cloudflare\.com/),
      });
    });
  },
);

describeWith(
  ['pebble', 'pebble-challtestsrv', 'pdns_server'],
  'a wildcard with its apex, from a CA that asks PowerDNS',
  () => {
    let server: PowerDns;
    let pebble: Pebble;
    beforeAll(async () => {
      server = await startPowerDns({ zones: ['a.test'], apiKey: 'a-secret-key' });
      pebble = await startPebble({ dnsServer: server.address });
    });
    afterAll(async () => {
      await pebble?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    });

    it('comes by its API, and is renewed by the credentials that were kept, which nothing shows', async () => {
      const env = { PDNS_API_URL: server.url, PDNS_API_KEY: 'a-secret-key' };
      const { code, stdout, stderr } = await obtain(
        pebble,
        'a.test,*.a.test',
        ['--dns-provider', 'powerdns', '--dns-resolver', server.address, '--save-credentials'],
        { env },
      );
      expect([code, stderr]).toEqual([0, expect.stringContaining('all names are validated')]);
      expect([await namesIn(), await txtRecords(server)]).toEqual([['*.a.test', 'a.test'], []]);
      const renewed = await renew({});
      expect([renewed.code, renewed.stdout]).toEqual([0, expect.stringContaining('renewed')]);
      expect(await txtRecords(server)).toEqual([]);
      const { stdout: detail } = await acmex([
        'cert',
        'show',
        'a.test',
        '--storage',
        at('data'),
        '-o',
        'json',
      ]);
      expect(`${stdout}${stderr}${renewed.stdout}${renewed.stderr}${detail}`).not.toContain(
        'a-secret-key',
      );
    });
  },
);

/** A server as lego's httpreq wants it, which writes into BIND. */
async function httpreqServer(
  bind: Bind,
  mode: string,
): Promise<AsyncDisposable & { readonly url: string; readonly paths: readonly string[] }> {
  const writer = rfc2136({ server: bind.address });
  const paths: string[] = [];
  const recordOf = async (body: Readonly<Record<string, string | undefined>>) => {
    if (mode === 'RAW')
      return {
        name: `_acme-challenge.${body.domain}`,
        value: (await keyAuthorizationDigest(body.keyAuth ?? '')).base64url,
      };
    return { name: (body.fqdn ?? '').replace(/\.$/, ''), value: body.value ?? '' };
  };
  const server: Server = createServer((request, response) => {
    const statusOf = async () => {
      if (
        request.headers.authorization !== `Basic ${Buffer.from('u:a-password').toString('base64')}`
      )
        return 401;
      const { name, value } = await recordOf(
        (await json(request)) as Readonly<Record<string, string>>,
      );
      if (!name.endsWith('.a.test') || value === '') return 400;
      paths.push(request.url ?? '');
      const record = [{ name: name.slice(0, -'.a.test'.length), value }];
      await (request.url === '/present'
        ? writer.append('a.test', record)
        : writer.remove('a.test', record));
      return 200;
    };
    void statusOf()
      .catch(() => 500)
      .then((status) => response.writeHead(status).end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
