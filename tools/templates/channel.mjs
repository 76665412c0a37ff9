// A channel of notifications: its manifest, a factory whose `send` waits to be written, and the test
// that holds it against the contract.

export const next = (name) =>
  `npm install, write packages/notifications-${name}/src/${name}-channel.ts and the receiver of its test, then npm test -- packages/notifications-${name}.`;

/** The scope is the name of the channel. */
export const mayImport = ['clock', 'egress', 'errors', 'notifications'];

export const files = (names) => ({
  'package.json': packageJson(names),
  'tsconfig.build.json':
    '{ "extends": "../../tsconfig.build.json", "references": [{ "path": "../notifications/tsconfig.build.json" }] }\n',
  'README.md': readme(names),
  'src/index.ts': `export { ${names.camel}Channel, type ${names.pascal}ChannelOptions } from './${names.name}-channel.ts';\n`,
  [`src/${names.name}-channel.ts`]: channel(names),
  [`src/${names.name}-channel.test.ts`]: test(names),
});

const packageJson = ({ name, version, pascal }) => `{
  "name": "@acmex/notifications-${name}",
  "version": "${version}",
  "description": "Sends notifications of @acmex/notifications to ${pascal}",
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
  "dependencies": { "@acmex/notifications": "^${version}" },
  "nx": { "tags": ["scope:${name}"], "targets": { "build": {}, "lint": {}, "test": {} } }
}
`;

const readme = ({ name, camel, pascal }) => `# @acmex/notifications-${name}

Sends notifications of [@acmex/notifications](../notifications) to ${pascal}.

\`\`\`ts
import { ${camel}Channel } from '@acmex/notifications-${name}';

const channel = ${camel}Channel({ token: async () => 't0ken' });
console.log(channel.kind);
\`\`\`
`;

const channel = ({
  camel,
  pascal,
}) => `import { type Channel, NotificationsError } from '@acmex/notifications';

export interface ${pascal}ChannelOptions {
  /** Read for each notification; no error, record or answer has it. */
  readonly token: () => Promise<string>;
}

/** Returns a channel to ${pascal}. */
export function ${camel}Channel({ token }: ${pascal}ChannelOptions): Channel {
  return {
    kind: 'webhook',
    async send({ id }, { signal } = {}) {
      signal?.throwIfAborted();
      await token();
      throw new NotificationsError('ERR_NOTIFICATIONS_ANSWER', \`\${id} is not sent: this channel is not written yet\`);
    },
  };
}
`;

const test = ({
  camel,
}) => `import { channelContract, type ChannelSubject } from '@acmex/notifications/contract';
import { describe, it } from '@jest/globals';
import { ${camel}Channel } from './index.ts';

/** A channel, and a real receiver on this machine that decides as the test sets it. */
async function openSubject(): Promise<ChannelSubject & AsyncDisposable> {
  const accepted: string[] = [];
  return {
    channel: ${camel}Channel({ token: async () => 't0p-s3cret' }),
    decide: () => {
      throw new Error('start a receiver here, and let it answer what is decided');
    },
    received: () => accepted,
    secrets: ['t0p-s3cret'],
    mostBytes: 4096,
    effects: ['@everyone', 'https://evil.example'],
    [Symbol.asyncDispose]: async () => undefined,
  };
}

describe('${camel}Channel', () => {
  it.each(channelContract)('$title', async ({ check }) => {
    await using subject = await openSubject();
    await check(subject);
  });
});
`;
