import { type ConfigValues, readConfig } from '@acmex/config';
import type { CertificateSpec } from '@acmex/orchestrator';
import { type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { memoryStorage, type Storage } from '@acmex/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromConfig, reconcileDeclared } from './from-config.ts';

type Entry = ConfigValues['certificates'][number];
type Value = Exclude<keyof Entry, 'names' | 'hooks'> | `hooks.${keyof Entry['hooks']}`;

const general = [{ general: true }];
/** How each value of an entry is written, and what the certificate then has. */
const values: Readonly<Record<Value, readonly [string, Partial<CertificateSpec>]>> = {
  issuer: ['issuer = "second"', { issuer: 'second' }],
  issuers: ['issuers = ["second", "custom"]', { issuer: 'second', fallbackIssuers: ['custom'] }],
  key_type: ['key_type = "rsa-2048"', { keyType: 'rsa-2048' }],
  key_types: [
    'key_types = ["ec-p384", "rsa-3072"]',
    { keyType: 'ec-p384', secondKeyType: 'rsa-3072' },
  ],
  key: ['key = "kms:web"', { key: 'kms:web' }],
  reuse_key: ['reuse_key = true', { reuseKey: true }],
  must_staple: ['must_staple = true', { mustStaple: true }],
  profile: ['profile = "shortlived"', { profile: 'shortlived' }],
  preferred_chain: ['preferred_chain = "Root X2"', { preferredChain: 'Root X2' }],
  challenge: ['challenge = "tls-alpn-01"', { proof: { challenge: 'tls-alpn-01' } }],
  challenge_draft: [
    'challenge_draft = "draft-ietf-acme-dns-persist-02"',
    { proof: { challengeDraft: 'draft-ietf-acme-dns-persist-02' } },
  ],
  dns_provider: ['dns_provider = "sink"', { proof: { dnsProvider: 'sink' } }],
  renew_before_days: ['renew_before_days = 20', { renewBefore: 'P20D' }],
  maintenance_windows: [
    'maintenance_windows = ["Sat 02:00-06:00"]',
    { maintenanceWindows: ['Sat 02:00-06:00'] },
  ],
  allow_subset_of_names: ['allow_subset_of_names = true', { allowSubsetOfNames: true }],
  deploy: ['deploy = [{ directory = "/etc/web" }]', { deploy: [{ directory: '/etc/web' }] }],
  deploy_to: ['deploy_to = ["lb"]', { deploy: [{ to: 'lb' }] }],
  'hooks.deploy': ['hooks.deploy = ["/bin/reload"]', { deploy: [{ hook: ['/bin/reload'] }] }],
  'hooks.after': ['hooks.after = ["/bin/reload"]', { deploy: [{ after: ['/bin/reload'] }] }],
  probe: ['probe = "127.0.0.1:443"', { deploy: [{ probe: { host: '127.0.0.1', port: 443 } }] }],
  served_at: [
    'served_at = ["smtp://127.0.0.1:25"]',
    { servedAt: [{ host: '127.0.0.1', port: 25, startTls: 'smtp' }] },
  ],
  labels: ['labels = { team = "web" }', { labels: { team: 'web' } }],
};

describe('a value of an entry of [[certificates]]', () => {
  let folder: TemporaryFolder;
  let storage: Storage;
  beforeEach(async () => {
    folder = await temporaryFolder('declared');
    storage = memoryStorage();
  });
  afterEach(async () => await folder[Symbol.asyncDispose]());

  /** Declares a.test with these values, and returns the certificate. */
  async function declare(entry: string) {
    const manager = await managerOf(entry);
    await reconcileDeclared(manager);
    const { certificates } = await manager.provisioner.certificates.page({ limit: 9 });
    expect(certificates).toHaveLength(1);
    return certificates[0]!;
  }
  async function managerOf(entry: string) {
    const file = join(folder.path, 'acmex.toml');
    const toml = `
[acme]
ca = "custom"
ca_custom_url = "https://ca.test/directory"
tos_agreed = true
[issuers.second]
directory = "https://second.test/directory"
tos_agreed = true
[deploy.lb]
type = "acme.sh"
home = "/root/.acme.sh"
script = "haproxy"
[keys.programs.kms]
command = ["/usr/bin/kms-sign"]
[[challenge.dns01.providers]]
name = "sink"
type = "exec"
program = "/bin/true"
[[certificates]]
names = ["a.test"]
${entry}
`;
    await writeFile(file, toml, { mode: 0o600 });
    const options = { cwd: folder.path, home: folder.path, environment: {}, file };
    return fromConfig(await readConfig(options), { storage, environment: {} });
  }
  it.each(Object.entries(values))(
    'sets %s, and sets its default when it is removed',
    async (_, [line, wanted]) => {
      const initial = await declare('');
      await expect(declare(line)).resolves.toMatchObject(wanted);
      await expect(declare('')).resolves.toEqual(initial);
    },
  );
  it('leaves places that were set by hand where the entry has none', async () => {
    const { id, names, issuer, keyType } = await declare(values.probe[0]);
    const { provisioner } = await managerOf('');
    const deploy = [{ directory: '/etc/by-hand' }];
    await provisioner.declare({ names, issuer, keyType, deploy });
    await expect(declare('')).resolves.toMatchObject({ id, deploy });
    await expect(declare(values.deploy[0])).resolves.toMatchObject(values.deploy[1]);
    await expect(declare('')).resolves.toMatchObject({ id, deploy: general });
  });
});
