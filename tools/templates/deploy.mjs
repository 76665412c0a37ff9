// A deploy target: its manifest with what people must give, a factory whose transaction waits to be
// written, a stand-in for the place, and the test that holds the one against the other by the
// contract.

export const next = (name) =>
  `docs/adding-a-deploy-target.md, from its second step: write packages/deploy-${name}/src/${name}.testing.ts and ${name}.ts, then npm test -- packages/deploy-${name}, and npm run docs, which lists it.`;

/** A configuration that names it finds it by @acmex/config. */
export const edits = ({ name, version }) => [
  {
    file: 'packages/config/package.json',
    before: / {4}"@acmex\/dns-acmedns": "/,
    insert: `    "@acmex/deploy-${name}": "^${version}",\n`,
  },
  {
    file: 'packages/config/package.json',
    before: / {4}"@acmex\/dns-acmedns": \{/,
    insert: `    "@acmex/deploy-${name}": { "optional": true },\n`,
  },
  {
    file: 'packages/config/tsconfig.build.json',
    before: / {4}\{\s+"path": "\.\.\/dns-acmedns/,
    insert: `    { "path": "../deploy-${name}/tsconfig.build.json" },\n`,
  },
];

export const files = (names) => ({
  'package.json': packageJson(names),
  'tsconfig.build.json':
    '{ "extends": "../../tsconfig.build.json", "references": [{ "path": "../clock/tsconfig.build.json" }, { "path": "../deploy/tsconfig.build.json" }] }\n',
  'README.md': readme(names),
  'src/index.ts': `export { ${names.camel}, type ${names.pascal}Options } from './${names.name}.ts';\n`,
  [`src/${names.name}.ts`]: target(names),
  [`src/${names.name}.testing.ts`]: placeStandIn(names),
  [`src/${names.name}.test.ts`]: test(names),
});

const packageJson = ({ name, version, camel, pascal }) => `{
  "name": "@acmex/deploy-${name}",
  "version": "${version}",
  "description": "Deploys certificates to ${pascal}",
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
  "dependencies": { "@acmex/clock": "^${version}", "@acmex/deploy": "^${version}" },
  "devDependencies": { "@acmex/dns": "^${version}" },
  "acmex": {
    "deploy": {
      "name": "${name}",
      "title": "${pascal}",
      "factory": "${camel}",
      "about": "Puts the certificate in use at ${pascal}.",
      "before": "the certificate that ${pascal} had",
      "example": ["[deploy.${name}]", "type = \\"${name}\\"", "url = \\"https://api.example.com\\"", "token = { file = \\"/etc/acmex/${name}-token\\" }"],
      "options": [
        { "option": "url", "format": "url", "description": "The URL of the API" },
        { "option": "token", "secret": true, "description": "A token that may write certificates" }
      ],
      "links": {}
    }
  },
  "nx": { "tags": ["scope:deploy-target"], "targets": { "build": {}, "lint": {}, "test": {} } }
}
`;

const readme = ({ name, camel, pascal }) => `# @acmex/deploy-${name}

Deploys certificates to ${pascal}, as a target of [@acmex/deploy](../deploy/README.md).

\`\`\`ts
import { ${camel} } from '@acmex/deploy-${name}';

const target = ${camel}({ url: 'https://api.example.com', token: async () => 'from your vault' });
console.log(target.name);
\`\`\`

Errors have stable codes: [list](../../docs/errors.md).
`;

const target = ({ name, camel, pascal }) => `import type { Clock } from '@acmex/clock';
import { DeployError, type DeployTarget, targetApi } from '@acmex/deploy';

export interface ${pascal}Options {
  readonly url: string;
  /** Returns a token that may write certificates; read for each request. */
  readonly token: () => Promise<string>;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/** Deploys certificates to ${pascal}. */
export function ${camel}({ url, token, ...more }: ${pascal}Options): DeployTarget {
  const api = targetApi({ target: '${name}', baseUrl: url, headers: async () => ({ authorization: \`Bearer \${await token()}\` }), ...more });
  return {
    name: '${name}',
    async stage(_, { signal }) {
      await api({ method: 'GET', path: '/', signal });
      throw new DeployError('ERR_DEPLOY_REFUSED', '${name}: this target is not written yet');
    },
  };
}
`;

const placeStandIn = ({
  camel,
  pascal,
}) => `import type { InUse, StandInTargetSubject, TargetTrouble } from '@acmex/deploy/contract';
import { standIn } from '@acmex/dns/stand-in';

/** ${pascal}'s API as its reference describes it, without a certificate. */
export function ${camel}StandIn(token: string): Pick<StandInTargetSubject, 'inUse' | 'trouble'> & { readonly url: string; readonly fetch: typeof fetch } {
  const inUse: InUse | undefined = undefined;
  let trouble: TargetTrouble | undefined;
  const url = 'https://api.example.invalid';
  const host = standIn({
    baseUrl: url,
    authorized: ({ headers }) => headers.get('authorization') === \`Bearer \${token}\`,
    words: {
      credentials: { status: 401, body: { message: 'unauthorized' } },
      'rate-limited': { status: 429, body: { message: 'too many requests' } },
      unknown: { status: 404, body: { message: 'not found' } },
      malformed: { status: 400, body: { message: 'no JSON' } },
      'server-error': { status: 500, body: { message: 'internal error' } },
    },
    routes: {
      'PUT /certificate': ({ text, headers }) => {
        const repeated = [text, ...headers.values()].join(' ');
        return trouble === 'refusal' ? { status: 422, text: repeated } : { status: 404, body: { message: 'this place is not written yet' } };
      },
    },
  });
  return {
    url,
    fetch: host.fetch,
    inUse: async () => inUse,
    trouble(kind, options) {
      trouble = kind;
      host.trouble(kind === 'refusal' ? undefined : kind, options);
    },
  };
}
`;

const test = ({ name, camel }) => `import { deployTargetContract } from '@acmex/deploy/contract';
import { describe, it } from '@jest/globals';
import { ${camel} } from './index.ts';
import { ${camel}StandIn } from './${name}.testing.ts';

describe('${camel}', () => {
  const token = 'a-token-that-stays-secret';

  it.each(deployTargetContract)('$title', async ({ check }) => {
    const { url, fetch, inUse, trouble } = ${camel}StandIn(token);
    const target = ${camel}({ url, token: async () => token, fetch });
    await check({ target, inUse, trouble, secrets: [token] });
  });
});
`;
