import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import acme from 'acme-client';
import type { Subject } from './subject.testing.ts';

export const abilities = [
  'http-01',
  'dns-01',
  'wildcard',
  'EAB',
  'renewal',
  'revocation',
  'key change',
] as const;
export type Ability = (typeof abilities)[number];

/**
 * A client as its users call it. Each ability works in a folder of its own and gives the PEM that
 * the client wrote; revocation and key change give nothing.
 */
export interface RealClient {
  readonly name: string;
  /** What it needs on the PATH. */
  readonly program: string;
  version(): Promise<string>;
  readonly can: Readonly<
    Partial<Record<Ability, (subject: Subject, folder: string) => Promise<string | undefined>>>
  >;
}

const exec = promisify(execFile);

/** Runs a program to its end. @throws Error with all that it wrote */
async function run(
  command: string,
  args: readonly string[],
  {
    env = {},
    cwd,
  }: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): Promise<string> {
  const { stdout, stderr } = await exec(command, [...args], {
    env: { ...process.env, ...env },
    cwd,
    timeout: 60_000,
    maxBuffer: 1e7,
  }).catch((error: Error & { stdout?: string; stderr?: string }) => {
    throw new Error(
      `${command} ${args.join(' ')} failed: ${error.message}\n${error.stdout}\n${error.stderr}`,
    );
  });
  return stdout + stderr;
}

const versionIn = async (command: string, args: readonly string[], pattern: RegExp) =>
  pattern.exec(await run(command, args))?.[1] ?? 'unknown';
const debianVersion = async (name: string) =>
  /^([\d.]+)/.exec(
    (await run('dpkg-query', ['-W', '-f', '${Version}', name])).replace(/^\d+:/, ''),
  )?.[1] ?? 'unknown';

/** certbot, with all that it keeps in one folder. */
function certbot({ directory, rootFile, webroot, hook, env }: Subject, folder: string) {
  const baseArguments = [
    '--config-dir',
    join(folder, 'etc'),
    '--work-dir',
    join(folder, 'work'),
    '--logs-dir',
    join(folder, 'log'),
    '--non-interactive',
    '--server',
    directory,
  ];
  const call = (...args: readonly string[]) =>
    run('certbot', [...args, ...baseArguments], { env: { ...env, REQUESTS_CA_BUNDLE: rootFile } });
  const file = async (name: string) =>
    await readFile(join(folder, 'etc/live', name, 'fullchain.pem'), 'utf8');
  const account = ['--agree-tos', '--email', 'admin@interop.test', '--no-eff-email'];
  return {
    call,
    file,
    async obtain(name: string, ...more: readonly string[]) {
      await call(
        'certonly',
        '--webroot',
        '--webroot-path',
        webroot,
        '-d',
        name,
        ...account,
        ...more,
      );
      return await file(name);
    },
    async overDns(cert: string, ...names: readonly string[]) {
      await call(
        'certonly',
        '--manual',
        '--preferred-challenges',
        'dns',
        '--manual-auth-hook',
        `${hook} certbot`,
        '--cert-name',
        cert,
        ...names.flatMap((name) => ['-d', name]),
        ...account,
      );
      return await file(cert);
    },
  };
}

function lego(
  { directory, rootFile, webroot, hook, env }: Subject,
  folder: string,
  name: string,
  more: readonly string[] = [],
) {
  const call = async (challenge: readonly string[], ...command: readonly string[]) => {
    await run(
      'lego',
      [
        '--server',
        directory,
        '--accept-tos',
        '--email',
        'admin@interop.test',
        '--path',
        folder,
        '--domains',
        name,
        ...challenge,
        ...more,
        ...command,
      ],
      { env: { ...env, LEGO_CA_CERTIFICATES: rootFile, EXEC_PATH: hook } },
    );
    return await readFile(
      join(folder, 'certificates', `${name.replace('*', '_')}.crt`),
      'utf8',
    ).catch(() => undefined);
  };
  return {
    http: (...command: readonly string[]) =>
      call(['--http', '--http.webroot', webroot], ...command),
    dns: (...command: readonly string[]) => call(['--dns', 'exec', '--dns.disable-cp'], ...command),
  };
}

/** uacme cannot trust a private root: it gets the CA over http. */
function uacme({ plainDirectory, hook, env }: Subject, folder: string, type: string) {
  const call = (...args: readonly string[]) =>
    run(
      'uacme',
      [
        '--acme-url',
        plainDirectory,
        '--confdir',
        folder,
        '--no-ocsp',
        '--yes',
        '--hook',
        hook,
        ...args,
      ],
      { env: { ...env, INTEROP_TYPE: type } },
    );
  return {
    call,
    async obtain(...names: readonly string[]) {
      await call('new', 'admin@interop.test');
      await call('issue', ...names);
      return await readFile(join(folder, names[0]?.replace('*', '_') ?? '', 'cert.pem'), 'utf8');
    },
  };
}

async function dehydrated(
  { directory, rootFile, webroot, hook, env }: Subject,
  folder: string,
  type: string,
  more = '',
) {
  const config = join(folder, 'config');
  await writeFile(
    config,
    `CA="${directory}"\nCHALLENGETYPE="${type}"\nBASEDIR="${folder}"\nWELLKNOWN="${webroot}/.well-known/acme-challenge"\nHOOK="${type === 'dns-01' ? hook : ''}"\nCURL_OPTS="--cacert ${rootFile}"\nKEY_ALGO=prime256v1\nPRIVATE_KEY_RENEW=no\nACCOUNT_KEYSIZE=2048\n${more}`,
  );
  const call = (...args: readonly string[]) =>
    run('dehydrated', [...args, '--config', config], { env });
  return {
    call,
    async obtain(...names: readonly string[]) {
      await call('--register', '--accept-terms');
      await call(
        '--cron',
        ...names.flatMap((name) => ['--domain', name]),
        ...(names[0]?.startsWith('*') ? ['--alias', 'wild'] : []),
      );
      return await readFile(
        join(
          folder,
          'certs',
          names[0]?.startsWith('*') ? 'wild' : (names[0] ?? ''),
          'fullchain.pem',
        ),
        'utf8',
      );
    },
  };
}

async function acmeTiny(
  { directory, rootFile, webroot }: Subject,
  folder: string,
  name: string,
): Promise<string> {
  const [account, key, csr] = ['account.pem', 'key.pem', 'request.pem'].map((file) =>
    join(folder, file),
  ) as [string, string, string];
  await run('openssl', ['genrsa', '-out', account, '2048']);
  await run('openssl', [
    'req',
    '-new',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    csr,
    '-subj',
    '/',
    '-addext',
    `subjectAltName=DNS:${name}`,
  ]);
  const { stdout } = await exec(
    'acme-tiny',
    [
      '--quiet',
      '--account-key',
      account,
      '--csr',
      csr,
      '--acme-dir',
      join(webroot, '.well-known/acme-challenge'),
      '--directory-url',
      directory,
      '--disable-check',
    ],
    { env: { ...process.env, SSL_CERT_FILE: rootFile }, timeout: 60_000 },
  );
  return stdout;
}

/** npm acme-client, over http: which root it trusts is a matter of its process. */
async function acmeClient(
  { plainDirectory, webroot, env }: Subject,
  binding?: { readonly kid: string; readonly hmacKey: string },
) {
  const accountKey = await acme.crypto.createPrivateEcdsaKey();
  const client = new acme.Client({
    directoryUrl: plainDirectory,
    accountKey,
    backoffMin: 50,
    ...(binding ? { externalAccountBinding: binding } : {}),
  });
  await client.createAccount({ termsOfServiceAgreed: true });
  const show = async (name: string, type: string, token: string, value: string) => {
    if (type === 'http-01')
      await writeFile(join(webroot, '.well-known/acme-challenge', token), value);
    else
      await fetch(`${env.INTEROP_CONTROL}/txt`, {
        method: 'POST',
        body: JSON.stringify({ name: `_acme-challenge.${name}`, value }),
      });
  };
  return {
    client,
    async obtain(type: string, ...names: readonly string[]) {
      const [, csr] = await acme.crypto.createCsr(
        { altNames: [...names] },
        await acme.crypto.createPrivateEcdsaKey(),
      );
      return await client.auto({
        csr,
        challengePriority: [type],
        skipChallengeVerification: true,
        challengeCreateFn: ({ identifier }, { token }, value) =>
          show(identifier.value, type, token, value),
        challengeRemoveFn: async () => undefined,
      });
    },
  };
}

const twice = async (
  first: Promise<string | undefined>,
  again: () => Promise<string | undefined>,
) => {
  const before = await first;
  const after = await again();
  if (after === undefined || after === before) throw new Error('the certificate is still the same');
  return after;
};

export const realClients: readonly RealClient[] = [
  {
    name: 'acme-client',
    program: 'node',
    version: async () =>
      (
        JSON.parse(
          await readFile(
            createRequire(import.meta.url).resolve('acme-client/package.json'),
            'utf8',
          ),
        ) as { version: string }
      ).version,
    can: {
      'http-01': async (subject) => (await acmeClient(subject)).obtain('http-01', 'npm.test'),
      'dns-01': async (subject) => (await acmeClient(subject)).obtain('dns-01', 'dns.npm.test'),
      wildcard: async (subject) =>
        (await acmeClient(subject)).obtain('dns-01', '*.npm.test', 'npm.test'),
      EAB: async (subject) =>
        (await acmeClient(subject, await subject.externalAccount())).obtain(
          'http-01',
          'eab.npm.test',
        ),
      async renewal(subject) {
        const { obtain } = await acmeClient(subject);
        return await twice(obtain('http-01', 'again.npm.test'), () =>
          obtain('http-01', 'again.npm.test'),
        );
      },
      async revocation(subject) {
        const { client, obtain } = await acmeClient(subject);
        await client.revokeCertificate(await obtain('http-01', 'revoked.npm.test'));
        return undefined;
      },
      async 'key change'(subject) {
        const { client, obtain } = await acmeClient(subject);
        await client.updateAccountKey(await acme.crypto.createPrivateEcdsaKey());
        return await obtain('http-01', 'key.npm.test');
      },
    },
  },
  {
    name: 'certbot',
    program: 'certbot',
    version: () => versionIn('certbot', ['--version'], /certbot ([\d.]+)/),
    can: {
      'http-01': (subject, folder) => certbot(subject, folder).obtain('certbot.test'),
      'dns-01': (subject, folder) => certbot(subject, folder).overDns('dns', 'dns.certbot.test'),
      wildcard: (subject, folder) =>
        certbot(subject, folder).overDns('wild', '*.wild.certbot.test', 'wild.certbot.test'),
      async EAB(subject, folder) {
        const { kid, hmacKey } = await subject.externalAccount();
        return await certbot(subject, folder).obtain(
          'eab.certbot.test',
          '--eab-kid',
          kid,
          '--eab-hmac-key',
          hmacKey,
        );
      },
      async renewal(subject, folder) {
        const { obtain, call, file } = certbot(subject, folder);
        return await twice(obtain('again.certbot.test'), async () => {
          await call('renew', '--force-renewal', '--no-random-sleep-on-renew');
          return await file('again.certbot.test');
        });
      },
      async revocation(subject, folder) {
        const { obtain, call } = certbot(subject, folder);
        await obtain('revoked.certbot.test', '--key-type', 'rsa');
        await call(
          'revoke',
          '--cert-name',
          'revoked.certbot.test',
          '--reason',
          'superseded',
          '--no-delete-after-revoke',
        );
        return undefined;
      },
    },
  },
  {
    name: 'lego',
    program: 'lego',
    version: () => debianVersion('lego'),
    can: {
      'http-01': (subject, folder) => lego(subject, folder, 'lego.test').http('run'),
      'dns-01': (subject, folder) => lego(subject, folder, 'dns.lego.test').dns('run'),
      wildcard: (subject, folder) => lego(subject, folder, '*.lego.test').dns('run'),
      async EAB(subject, folder) {
        const { kid, hmacKey } = await subject.externalAccount();
        return await lego(subject, folder, 'eab.lego.test', [
          '--eab',
          '--kid',
          kid,
          '--hmac',
          hmacKey,
        ]).http('run');
      },
      renewal: (subject, folder) =>
        twice(lego(subject, folder, 'again.lego.test').http('run'), () =>
          lego(subject, folder, 'again.lego.test').http(
            'renew',
            '--days',
            '1000',
            '--no-random-sleep',
          ),
        ),
      async revocation(subject, folder) {
        const { http } = lego(subject, folder, 'revoked.lego.test');
        await http('run');
        await http('revoke', '--keep');
        return undefined;
      },
    },
  },
  {
    name: 'uacme',
    program: 'uacme',
    version: () => debianVersion('uacme'),
    can: {
      'http-01': (subject, folder) => uacme(subject, folder, 'http-01').obtain('uacme.test'),
      'dns-01': (subject, folder) => uacme(subject, folder, 'dns-01').obtain('dns.uacme.test'),
      wildcard: (subject, folder) =>
        uacme(subject, folder, 'dns-01').obtain('wild.uacme.test', '*.wild.uacme.test'),
      async renewal(subject, folder) {
        const { obtain, call } = uacme(subject, folder, 'http-01');
        return await twice(obtain('again.uacme.test'), async () => {
          await call('--force', 'issue', 'again.uacme.test');
          return await readFile(join(folder, 'again.uacme.test/cert.pem'), 'utf8');
        });
      },
      async revocation(subject, folder) {
        const { obtain, call } = uacme(subject, folder, 'http-01');
        await obtain('revoked.uacme.test');
        await call('revoke', join(folder, 'revoked.uacme.test/cert.pem'));
        return undefined;
      },
      async 'key change'(subject, folder) {
        const { obtain, call } = uacme(subject, folder, 'http-01');
        await obtain('key.uacme.test');
        await call('newkey');
        await call('--force', 'issue', 'key.uacme.test');
        return undefined;
      },
    },
  },
  {
    name: 'dehydrated',
    program: 'dehydrated',
    version: () => versionIn('dehydrated', ['--version'], /version: ([\d.]+)/),
    can: {
      'http-01': async (subject, folder) =>
        (await dehydrated(subject, folder, 'http-01')).obtain('dehydrated.test'),
      'dns-01': async (subject, folder) =>
        (await dehydrated(subject, folder, 'dns-01')).obtain('dns.dehydrated.test'),
      wildcard: async (subject, folder) =>
        (await dehydrated(subject, folder, 'dns-01')).obtain('*.dehydrated.test'),
      async EAB(subject, folder) {
        const { kid, hmacKey } = await subject.externalAccount();
        return await (
          await dehydrated(
            subject,
            folder,
            'http-01',
            `EAB_KID="${kid}"\nEAB_HMAC_KEY="${hmacKey}"\n`,
          )
        ).obtain('eab.dehydrated.test');
      },
      async renewal(subject, folder) {
        const { obtain, call } = await dehydrated(subject, folder, 'http-01');
        return await twice(obtain('again.dehydrated.test'), async () => {
          await call('--cron', '--force', '--domain', 'again.dehydrated.test');
          return await readFile(join(folder, 'certs/again.dehydrated.test/fullchain.pem'), 'utf8');
        });
      },
      async revocation(subject, folder) {
        const { obtain, call } = await dehydrated(subject, folder, 'http-01');
        await obtain('revoked.dehydrated.test');
        await call('--revoke', join(folder, 'certs/revoked.dehydrated.test/cert.pem'));
        return undefined;
      },
    },
  },
  {
    name: 'acme-tiny',
    program: 'acme-tiny',
    version: () => debianVersion('acme-tiny'),
    can: {
      'http-01': (subject, folder) => acmeTiny(subject, folder, 'tiny.test'),
      async renewal(subject, folder) {
        const again = join(folder, 'again');
        await mkdir(again);
        return await twice(acmeTiny(subject, folder, 'again.tiny.test'), () =>
          acmeTiny(subject, again, 'again.tiny.test'),
        );
      },
    },
  },
];
