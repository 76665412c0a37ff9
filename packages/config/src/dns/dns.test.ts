import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { configFolder } from '../config.testing.ts';
import { dnsProviderKinds, dnsProvidersOf, dnsProviderTypes, openDnsProvider, readConfig } from '../index.ts';
import { loaded } from '../loaded.ts';

const providers = `
[[challenge.dns01.providers]]
name = "cloudflare"
api_token = "x"
[[challenge.dns01.providers]]
name = "digitalocean"
api_token = "x"
[[challenge.dns01.providers]]
name = "route53"
access_key_id = "AKIDEXAMPLE"
secret_access_key = "secret"
hosted_zone_id = "Z1"
[[challenge.dns01.providers]]
name = "google"
project = "p"
access_token = "t"
[[challenge.dns01.providers]]
name = "powerdns"
url = "http://127.0.0.1:8081"
api_key = "x"
[[challenge.dns01.providers]]
name = "rfc2136"
server = "127.0.0.1"
key_name = "k"
key_secret = "eA=="
[[challenge.dns01.providers]]
name = "acmedns"
url = "https://auth.example.org"
accounts = [{ fulldomain = "a.auth.example.org", subdomain = "a", username = "u", password = "x" }]
[[challenge.dns01.providers]]
name = "exec"
program = "/bin/true"
env = ["AWS_*"]
[[challenge.dns01.providers]]
name = "httpreq"
endpoint = "https://hooks.example.org"
username = "u"
password = "x"
[[challenge.dns01.providers]]
name = "certbot"
auth = ["/bin/true"]
cleanup = ["/bin/true", "--all"]
[[challenge.dns01.providers]]
name = "sh"
type = "acme.sh"
home = "/root/.acme.sh"
hook = "dns_cf"
`;

describe('DNS providers', () => {
  it('opens every kind that can be named', async () => {
    await using folder = await configFolder(providers);
    const descriptions = dnsProvidersOf(await readConfig(folder.options));
    expect(descriptions.map(({ type }) => type)).toEqual([...dnsProviderTypes]);
    const names: string[] = [];
    for (const one of descriptions) names.push((await openDnsProvider(one, { environment: { PATH: '/bin' } })).name);
    expect(names).toEqual([...dnsProviderTypes]);
  });

  it('lists each kind with its package and the options that it needs', () => {
    const kinds = Object.fromEntries(dnsProviderKinds().map((kind) => [kind.type, kind]));
    expect(Object.keys(kinds)).toEqual([...dnsProviderTypes]);
    expect(kinds['cloudflare']).toEqual({ type: 'cloudflare', title: 'Cloudflare', package: '@acmex/dns-cloudflare', options: [{ name: 'api_token', required: true, credential: true, meaning: 'API token with Zone.Zone read and Zone.DNS edit.' }] });
    expect(kinds['rfc2136']?.options.map(({ name, required, credential }) => [name, required, credential])).toEqual([['server', true, false], ['key_name', false, false], ['key_secret', false, true], ['key_algorithm', false, false]]);
    expect(kinds['acmedns']?.options.map(({ name }) => name)).toContain('accounts[].password');
  });

  it('says how to install a package that is missing', async () => {
    // What Node says of one: Jest has an error of its own.
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', 'import("@acmex/dns-none").catch(({ code, message }) => console.log(JSON.stringify({ code, message })))'], { cwd: import.meta.dirname });
    const { code, message }: { readonly code: string; readonly message: string } = JSON.parse(stdout);
    const missing = Object.assign(new Error(message), { code });
    await expect(loaded('@acmex/dns-none', 'the DNS provider main', () => Promise.reject(missing))).rejects.toMatchObject({ code: 'ERR_CONFIG_PACKAGE_MISSING', message: 'the DNS provider main needs the package @acmex/dns-none, which is not installed: npm install @acmex/dns-none' });
    await expect(loaded('@acmex/dns-cloudflare', 'the DNS provider main', () => Promise.reject(missing))).rejects.toBe(missing);
  });
});
