import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/features.md'), 'utf8');
const packages = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(root, group))
    .map((folder) => join(root, group, folder, 'package.json'))
    .filter((file) => existsSync(file))
    .map((file) => (JSON.parse(readFileSync(file, 'utf8')) as { readonly name: string }).name),
);
const hosts =
  'alibaba azure cloudflare cloudns digitalocean godaddy google huawei linode route53 tencent';

describe('the page of feature flags', () => {
  it('has each of the 18 flags of the Rust crate once', () => {
    const flags = [...page.matchAll(/^\| `([a-z0-9-]+)` /gm)].map(([, flag]) => flag);
    expect(flags.sort()).toEqual(
      [
        ...['aws-lc-rs', 'cli', 'google-ca', 'metrics', 'redis', 'ring-crypto', 'zerossl-ca'],
        ...hosts.split(' ').map((host) => `dns-${host}`),
      ].sort(),
    );
  });
  it('names only packages that exist', () => {
    const names = [...page.matchAll(/`(@acmex\/[a-z0-9-]+)`/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !packages.includes(name ?? ''))).toEqual([]);
  });
});
