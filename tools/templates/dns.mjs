// A DNS host: its manifest with what people must give, a factory whose methods wait to be written,
// a stand-in for the host, and the tests that hold the one against the other by the contract.

export const next = (name) =>
  `docs/adding-a-dns-provider.md, from its second step: write packages/dns-${name}/src/${name}.testing.ts and ${name}.ts, then npm test -- packages/dns-${name}, and npm run docs, which lists it.`;

/** Who names it in acmex.toml or on the command line finds it by @acmex/config. */
export const edits = ({ name, version }) => [
  {
    file: 'packages/config/package.json',
    before: / {4}"@acmex\/storage-encrypted": "/,
    insert: `    "@acmex/dns-${name}": "^${version}",\n`,
  },
  {
    file: 'packages/config/package.json',
    before: / {4}"@acmex\/storage-encrypted": \{/,
    insert: `    "@acmex/dns-${name}": { "optional": true },\n`,
  },
  {
    file: 'packages/config/tsconfig.build.json',
    before: / {4}\{\s+"path": "\.\.\/storage-encrypted/,
    insert: `    { "path": "../dns-${name}/tsconfig.build.json" },\n`,
  },
];

export const files = (names) => ({
  'package.json': packageJson(names),
  'tsconfig.build.json':
    '{ "extends": "../../tsconfig.build.json", "references": [{ "path": "../clock/tsconfig.build.json" }, { "path": "../dns/tsconfig.build.json" }] }\n',
  'README.md': readme(names),
  'src/index.ts': `export { ${names.camel}, type ${names.pascal}Options } from './${names.name}.ts';\n`,
  [`src/${names.name}.ts`]: provider(names),
  [`src/${names.name}.testing.ts`]: hostStandIn(names),
  [`src/${names.name}.test.ts`]: test(names),
});

const packageJson = ({ name, version, camel, pascal, upper }) => `{
  "name": "@acmex/dns-${name}",
  "version": "${version}",
  "description": "DNS records at ${pascal}",
  "license": "MIT OR Apache-2.0",
  "type": "module",
  "engines": { "node": ">=20.19.0" },
  "exports": {
    ".": { "@acmex/source": "./src/index.ts", "types": "./dist/index.d.ts", "default": "./dist/index.js" },
    "./package.json": "./package.json"
  },
  "files": ["dist", "!dist/.tsbuildinfo", "LICENSE-APACHE", "LICENSE-MIT"],
  "sideEffects": false,
  "publishConfig": { "access": "public", "provenance": true },
  "dependencies": { "@acmex/clock": "^${version}", "@acmex/dns": "^${version}" },
  "acmex": {
    "dns": {
      "name": "${name}",
      "title": "${pascal}",
      "factory": "${camel}",
      "credentials": [{ "option": "token", "key": "api_token", "env": ["${upper}_API_TOKEN"], "secret": true, "description": "An API token that may write the zone" }],
      "links": {}
    }
  },
  "nx": { "tags": ["scope:dns-provider"], "targets": { "build": {}, "lint": {}, "test": {} } }
}
`;

const readme = ({ name, camel, pascal }) => `# @acmex/dns-${name}

DNS records at ${pascal}, for [@acmex/challenge](../challenge)'s dns-01.

\`\`\`ts
import { dns01 } from '@acmex/challenge/dns-01';
import { ${camel} } from '@acmex/dns-${name}';

const solver = dns01({ provider: ${camel}({ token: async () => 'from your vault' }) });
console.log(solver.type);
\`\`\`

Errors have stable codes: [list](../../docs/errors.md).
`;

const provider = ({ name, camel, pascal }) => `import type { Clock } from '@acmex/clock';
import { bearer, DnsError, type DnsProvider, jsonApi, type Secret } from '@acmex/dns';

export interface ${pascal}Options {
  /** An API token that may write the zone. */
  readonly token: Secret;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** TXT records at ${pascal}. */
export function ${camel}({ token, ...more }: ${pascal}Options): DnsProvider {
  const api = jsonApi({ provider: '${name}', baseUrl: 'https://api.${name}.invalid', headers: { authorization: bearer(token) }, ...more });
  const unwritten = async (): Promise<never> => {
    await api('GET', '/');
    throw new DnsError('ERR_DNS_API', '${name}: this provider is not written yet');
  };
  return { name: '${name}', append: unwritten, remove: unwritten };
}
`;

const hostStandIn = ({ name, camel, pascal }) => `import { recordName } from '@acmex/dns';
import { type StandIn, standIn } from '@acmex/dns/stand-in';

/** ${pascal}'s API as its reference describes it, with one zone. */
export function ${camel}StandIn({ zone, token }: { readonly zone: string; readonly token: string }): StandIn & { lookUp(name: string): Promise<readonly string[]> } {
  const records: { readonly name: string; readonly value: string }[] = [];
  const host = standIn({
    baseUrl: 'https://api.${name}.invalid',
    authorized: ({ headers }) => headers.get('authorization') === \`Bearer \${token}\`,
    words: {
      credentials: { status: 401, body: { message: 'unauthorized' } },
      'rate-limited': { status: 429, body: { message: 'too many requests' } },
      unknown: { status: 404, body: { message: 'not found' } },
      malformed: { status: 400, body: { message: 'no JSON' } },
      'server-error': { status: 500, body: { message: 'internal error' } },
    },
    routes: {},
  });
  return { ...host, lookUp: async (name) => records.filter((record) => recordName(zone, record) === name).map(({ value }) => value) };
}
`;

const test = ({ name, camel }) => `import { virtualClock } from '@acmex/clock';
import { dnsProviderContract } from '@acmex/dns/contract';
import { describe, it } from '@jest/globals';
import { ${camel} } from './index.ts';
import { ${camel}StandIn } from './${name}.testing.ts';

describe('${camel}', () => {
  const token = 'a-token-that-stays-secret';

  it.each(dnsProviderContract.map((clause) => [clause.title, clause] as const))('%s', async (_, { check }) => {
    const host = ${camel}StandIn({ zone: 'a.test', token });
    const clock = virtualClock();
    await check({ provider: ${camel}({ token, fetch: host.fetch, clock }), zone: 'a.test', lookUp: host.lookUp, trouble: host.trouble, clock, secrets: [token] });
  });
});
`;
