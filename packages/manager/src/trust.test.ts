import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDevelopmentAuthority } from '@acmex/ca';
import { parseCertificate, publicTrustAnchors } from '@acmex/certificate';
import { readConfig } from '@acmex/config';
import { temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fromConfig } from './from-config.ts';
import { chainStatus, keepIssuer } from './index.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const roots: Record<string, string> = {};
beforeAll(async () => {
  folder = await temporaryFolder('trust');
  for (const name of ['acme', 'team', 'stored']) {
    roots[name] = (await createDevelopmentAuthority()).root;
    await writeFile(join(folder.path, `${name}.pem`), roots[name]);
  }
});
afterAll(async () => await folder[Symbol.asyncDispose]());

async function managing(toml: string) {
  const file = join(folder.path, 'acmex.toml');
  await writeFile(file, toml, { mode: 0o600 });
  const config = await readConfig({
    ...{ file, cwd: folder.path, home: folder.path, environment: {} },
  });
  const storage = memoryStorage();
  return { manager: fromConfig(config, { storage, environment: {} }), storage };
}

const both = () => `[acme]
ca = "custom"
ca_custom_url = "https://ca.test/directory"
ca_certificate = "${join(folder.path, 'acme.pem')}"
[issuers.team]
directory = "https://team.test/directory"
trust_anchors = ["${join(folder.path, 'team.pem')}"]
`;

describe('what is trusted for the certificates of a CA', () => {
  it('is what its ca_certificate and trust_anchors name, and never what those of another CA name', async () => {
    const { manager, storage } = await managing(both());
    const same = await keepIssuer(storage, {
      ...{ name: 'same', title: 'same', directory: 'https://team.test/directory' },
    });
    const stored = await keepIssuer(storage, {
      ...{ name: 'stored', title: 'stored', directory: 'https://stored.test/' },
      caCertificate: roots.stored,
    });
    for (const issuer of ['custom', 'team', stored, same]) {
      const { anchors } = await manager.trust(issuer);
      const isTrusted = Object.values(roots).map((root) => {
        const { fingerprint } = parseCertificate(root);
        return anchors.certificates.some((anchor) => anchor.fingerprint === fingerprint);
      });
      expect(isTrusted).toEqual(
        ['custom', 'team', 'stored'].map((name) => name === (issuer === same ? 'team' : issuer)),
      );
      expect(anchors.certificates.length).toBe(publicTrustAnchors().certificates.length + 1);
    }
  });

  it('is what everyone trusts for a CA that is not known', async () => {
    const { manager } = await managing('');
    const { anchors } = await manager.trust('constructor');
    expect(anchors.certificates).toEqual(publicTrustAnchors().certificates);
  });

  it('is named by the status of a chain', async () => {
    const { manager } = await managing(both());
    const status = async (issuer: string) =>
      chainStatus([roots.team ?? ''], { trust: await manager.trust(issuer) }).status;
    await expect(status('team')).resolves.toMatchObject({
      status: 'valid',
      anchor: { source: 'issuer', issuer: 'team' },
    });
    await expect(status('custom')).resolves.toMatchObject({ status: 'invalid' });
  });

  it.each([
    ['no.pem', 'ENOENT'],
    ['empty.pem', 'has no certificate'],
  ])(
    'says what is wrong with the file %s of trust_anchors, and what to do',
    async (name, words) => {
      await writeFile(join(folder.path, 'empty.pem'), 'nothing');
      const { manager } = await managing(both().replace('team.pem', name));
      await expect(manager.trust('team')).rejects.toMatchObject({
        code: 'ERR_MANAGER_ISSUER',
        message: expect.stringMatching(
          new RegExp(`${name}.*${words}.*check trust_anchors in acmex.toml`),
        ),
      });
    },
  );
});
