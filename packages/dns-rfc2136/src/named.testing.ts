import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  freePort,
  type Program,
  startProgram,
  temporaryFolder,
  type TemporaryFolder,
} from '@acmex/services';

export interface SignedBind extends AsyncDisposable {
  readonly address: string;
  log(): string;
}

/**
 * BIND that takes updates of `a.test` from those who have a key, and lets each do what its policy
 * says.
 */
export async function startSignedBind({
  keys,
}: {
  readonly keys: readonly {
    readonly name: string;
    readonly algorithm: string;
    readonly secret: string;
    readonly policy: string;
  }[];
}): Promise<SignedBind> {
  const folder: TemporaryFolder = await temporaryFolder('bind');
  try {
    const port = await freePort();
    await mkdir(join(folder.path, 'zones'));
    await writeFile(
      join(folder.path, 'zones', 'a.test'),
      '$TTL 1\n@ IN SOA ns1.a.test. admin.a.test. 1 3600 600 86400 1\n@ IN NS ns1\nns1 IN A 127.0.0.1\n',
    );
    await writeFile(
      join(folder.path, 'named.conf'),
      [
        `options { directory "${folder.path}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile "${folder.path}/session.key"; lock-file none; recursion no; dnssec-validation no; notify no; };`,
        'controls { };',
        ...keys.map(
          ({ name, algorithm, secret }) =>
            `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };`,
        ),
        `zone "a.test" { type primary; file "zones/a.test"; update-policy { ${keys.map(({ name, policy }) => `grant ${name} ${policy};`).join(' ')} }; };`,
      ].join('\n'),
    );
    const program: Program = await startProgram({
      command: 'named',
      args: ['-g', '-c', join(folder.path, 'named.conf')],
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      ready: (log) => log.includes('all zones loaded'),
    });
    return {
      address: `127.0.0.1:${port}`,
      log: () => program.log(),
      async [Symbol.asyncDispose]() {
        await program[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}
