import { access } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { get } from 'node:https';
import { Resolver } from 'node:dns/promises';
import { dirname } from 'node:path';
import { json } from 'node:stream/consumers';
import { X509Certificate } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { describeWith, freePort, type Pebble, startPebble } from './index.ts';

interface Directory {
  readonly newOrder: string;
  readonly meta: { readonly externalAccountRequired: boolean };
}

const directoryOf = ({ directory, caCertificate: ca }: Pebble) =>
  new Promise<Directory>((resolve, reject) => {
    get(directory, { ca, agent: false }, (answer) => {
      json(answer).then((value) => resolve(value as Directory), reject);
    }).once('error', reject);
  });
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describeWith(['pebble', 'pebble-challtestsrv'], 'startPebble', () => {
  it('runs several at once, each with its own ports, and leaves nothing of them', async () => {
    const externalAccounts = {
      'kid-1': 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W',
    };
    const both = (await Promise.all([
      startPebble(),
      startPebble({ externalAccounts, alternateRoots: 1 }),
    ])) as [Pebble, Pebble];
    const [plain, strict] = both;
    expect(
      new Set(
        both.flatMap(({ directory, managementUrl, httpPort, tlsPort }) => [
          directory,
          managementUrl,
          httpPort,
          tlsPort,
        ]),
      ).size,
    ).toBe(8);
    expect((await directoryOf(plain)).meta.externalAccountRequired).toBe(false);
    expect((await directoryOf(strict)).meta.externalAccountRequired).toBe(true);
    await expect(directoryOf({ ...plain, caCertificate: strict.caCertificate })).rejects.toThrow(
      /certificate|signature/,
    );
    await Promise.all(both.map((server) => server[Symbol.asyncDispose]()));
    for (const { pid, caFile } of both) {
      expect(isAlive(pid)).toBe(false);
      await expect(access(dirname(caFile))).rejects.toThrow('ENOENT');
    }
    await expect(fetch(plain.challenges.managementUrl)).rejects.toThrow('fetch failed');
  });

  it('shows the roots and intermediates of each chain', async () => {
    await using pebble = await startPebble({ alternateRoots: 1 });
    const roots = [
      new X509Certificate(await pebble.rootCertificate()),
      new X509Certificate(await pebble.rootCertificate(1)),
    ] as const;
    expect(roots[0].subject).not.toBe(roots[1].subject);
    expect(new X509Certificate(await pebble.intermediateCertificate()).checkIssued(roots[0])).toBe(
      true,
    );
    expect(pebble.log()).toContain('Configured to reject 0% of good nonces');
  });

  it('answers http-01 and DNS with the responses that are set', async () => {
    await using pebble = await startPebble({ http01: 'challtestsrv' });
    const { challenges, httpPort } = pebble;
    await challenges.addHttp01('token', 'token.thumbprint');
    const readResponse = async () =>
      (await fetch(`http://127.0.0.1:${httpPort}/.well-known/acme-challenge/token`)).text();
    expect(await readResponse()).toBe('token.thumbprint');
    await challenges.removeHttp01('token');
    expect(await readResponse()).not.toContain('thumbprint');

    const resolver = new Resolver();
    resolver.setServers([challenges.dnsAddress]);
    expect(await resolver.resolve4('a.test')).toEqual(['127.0.0.1']);
    await challenges.addA('a.test', ['192.0.2.7']);
    expect(await resolver.resolve4('a.test')).toEqual(['192.0.2.7']);
    await challenges.setTxt('_acme-challenge.a.test', 'one');
    await challenges.setTxt('_acme-challenge.a.test', 'two');
    expect((await resolver.resolveTxt('_acme-challenge.a.test')).flat().sort()).toEqual([
      'one',
      'two',
    ]);
    await challenges.clearTxt('_acme-challenge.a.test');
    await expect(resolver.resolveTxt('_acme-challenge.a.test')).rejects.toThrow(
      /ENODATA|ENOTFOUND/,
    );
  });

  it('says with its log that a port it was given is taken', async () => {
    const httpPort = await freePort();
    const occupier = createServer((_, response) => {
      response.end('another');
    }).listen(httpPort, '127.0.0.1');
    await once(occupier, 'listening');
    try {
      await expect(startPebble({ httpPort, http01: 'challtestsrv' })).rejects.toThrow(
        /address already in use/,
      );
    } finally {
      occupier.close();
    }
  });
});
