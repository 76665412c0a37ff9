// A storage driver: its manifest, a factory whose methods wait to be written, and the tests that
// hold it against the contract.

export const next = (name) =>
  `docs/adding-a-storage-driver.md, from its second step: write packages/storage-${name}/src/${name}-storage.ts, then npm test -- packages/storage-${name}.`;

export const files = (names) => ({
  'package.json': packageJson(names),
  'tsconfig.build.json':
    '{ "extends": "../../tsconfig.build.json", "references": [{ "path": "../storage/tsconfig.build.json" }] }\n',
  'README.md': readme(names),
  'src/index.ts': `export { ${names.camel}Storage, type ${names.pascal}StorageOptions } from './${names.name}-storage.ts';\n`,
  [`src/${names.name}-storage.ts`]: driver(names),
  [`src/${names.name}-storage.test.ts`]: test(names),
});

const packageJson = ({ name, version, pascal }) => `{
  "name": "@acmex/storage-${name}",
  "version": "${version}",
  "description": "@acmex/storage in ${pascal}",
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
  "dependencies": { "@acmex/storage": "^${version}" },
  "nx": { "tags": ["scope:storage-driver"], "targets": { "build": {}, "lint": {}, "test": {} } }
}
`;

const readme = ({ name, camel, pascal }) => `# @acmex/storage-${name}

[@acmex/storage](../storage) in ${pascal}.

\`\`\`ts
import { ${camel}Storage } from '@acmex/storage-${name}';

await using storage = ${camel}Storage({ path: 'data' });
for await (const { key } of storage.list('')) console.log(key);
\`\`\`
`;

const driver = ({
  camel,
  pascal,
}) => `import { type Storage, StorageUnavailableError } from '@acmex/storage';

export interface ${pascal}StorageOptions {
  readonly path: string;
}

/** A storage in ${pascal}. */
export function ${camel}Storage({ path }: ${pascal}StorageOptions): Storage {
  const unwritten = (): never => {
    throw new StorageUnavailableError(\`this part of the storage at \${path} is not written yet\`);
  };
  return { get: unwritten, list: unwritten, snapshot: unwritten, write: unwritten, [Symbol.asyncDispose]: unwritten };
}
`;

const test = ({ camel }) => `import { join } from 'node:path';
import { type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { checkClause, historyFrom, holdsConcurrently, holdsLikeModel, storageContract } from '@acmex/storage/contract';
import fc from 'fast-check';
import { ${camel}Storage } from './index.ts';

let folder: TemporaryFolder;
beforeEach(async () => { folder = await temporaryFolder('storage'); });
afterEach(() => folder[Symbol.asyncDispose]());

describe('${camel}Storage', () => {
  for (const clause of storageContract) {
    it(clause.title, async () => {
      await using storage = ${camel}Storage({ path: join(folder.path, 'data') });
      // The same data by another way, where the driver has one: another connection, another
      // process.
      await checkClause(clause, { storage, secondStorage: storage, place: 'contract' });
    });
  }

  const histories = fc.array(fc.array(fc.nat(200), { minLength: 1, maxLength: 4 }), { maxLength: 20 });
  let run = 0;

  it('behaves like a plain map, and explains every outcome of writers at once', async () => {
    await using storage = ${camel}Storage({ path: join(folder.path, 'data') });
    await fc.assert(fc.asyncProperty(histories, async (numbers) => {
      const place = \`model-\${run++}\`;
      await holdsLikeModel(storage, place, historyFrom(place, numbers));
    }), { numRuns: 20 });
    await fc.assert(fc.asyncProperty(histories, histories, async (first, second) => {
      const place = \`writers-\${run++}\`;
      await holdsConcurrently([storage], place, [historyFrom(place, first), historyFrom(place, second)]);
    }), { numRuns: 20 });
  });
});
`;
