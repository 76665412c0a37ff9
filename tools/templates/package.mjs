// A package of the house: its manifest, an index of explicit names, its table of errors, a test,
// and a README whose example is compiled.

/** What it may import at first; widen it in eslint.config.mjs when docs/ARCHITECTURE.md says so. */
export const mayImport = ['errors'];

export const next = (name) =>
  `npm install, which links it; then npm test -- packages/${name}. It still needs its line in the README's table, in docs/ARCHITECTURE.md and in CHANGELOG.md, and npm run docs for its errors.`;

export const files = ({ name, version, camel, pascal, upper }) => ({
  'package.json': `{
  "name": "@acmex/${name}",
  "version": "${version}",
  "description": "${pascal}, a part of AcmeX",
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
  "dependencies": { "@acmex/errors": "^${version}" },
  "nx": { "tags": ["scope:${name}"], "targets": { "build": {}, "lint": {}, "test": {} } }
}
`,
  'tsconfig.build.json':
    '{ "extends": "../../tsconfig.build.json", "references": [{ "path": "../errors/tsconfig.build.json" }] }\n',
  'README.md': `# @acmex/${name}

${pascal}, a part of AcmeX.

\`\`\`ts
import { ${pascal}Error, ${camel}Errors } from '@acmex/${name}';

try {
  throw new ${pascal}Error('ERR_${upper}_INPUT', 'the input is empty: give at least one name');
} catch (error) {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_${upper}_INPUT') console.log(error.message, ${camel}Errors[error.code].cure);
}
\`\`\`
`,
  'src/index.ts': `export { ${pascal}Error, type ${pascal}ErrorCode, ${camel}Errors } from './errors.ts';\n`,
  'src/errors.ts': `import { defineErrors, type ErrorTable } from '@acmex/errors';

/** The error codes of this package. */
export const ${camel}Errors = {
  ERR_${upper}_INPUT: { meaning: 'The input cannot be used.', cure: 'Correct what the message names.', exit: 2, http: 422 },
} as const satisfies ErrorTable<'${upper}'>;

export type ${pascal}ErrorCode = keyof typeof ${camel}Errors;

/** A failure of this package. Compare codes, not classes. */
export class ${pascal}Error extends defineErrors('${pascal}', ${camel}Errors) {}
`,
  'src/errors.test.ts': `import { describe, expect, it } from '@jest/globals';
import { ${pascal}Error } from './index.ts';

describe('${pascal}Error', () => {
  it('keeps its code and what was thrown below', () => {
    const cause = new Error('below');
    expect(new ${pascal}Error('ERR_${upper}_INPUT', 'the input is empty', { cause })).toMatchObject({ code: 'ERR_${upper}_INPUT', message: 'the input is empty', cause });
  });
});
`,
});
