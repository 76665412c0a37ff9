import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** Who may import whom: docs/ARCHITECTURE.md. Arrows point to the owner of the port. */
const mayImport = {
  errors: [],
  clock: [],
  files: ['errors'],
  identifier: ['errors'],
  pkcs12: ['errors'],
  protocol: ['identifier', 'clock', 'errors'],
  certificate: ['pkcs12', 'identifier', 'clock', 'errors'],
  client: ['identifier', 'protocol', 'clock', 'errors'],
  dns: ['clock', 'errors'],
  cloud: ['dns', 'clock', 'errors'],
  'dns-provider': ['identifier', 'dns', 'cloud', 'files', 'clock', 'errors'],
  challenge: ['identifier', 'client', 'protocol', 'dns', 'certificate', 'files', 'clock', 'errors'],
  services: ['clock', 'errors'],
  storage: ['clock', 'errors'],
  'storage-driver': ['storage', 'identifier', 'files', 'clock', 'errors'],
  egress: ['clock', 'errors'],
  ca: [
    ...['identifier', 'protocol', 'certificate', 'storage', 'egress', 'clock', 'errors'],
    'dns',
    'revocation',
  ],
  orchestrator: [
    'budgets',
    'identifier',
    'certificate',
    'storage',
    'scheduler',
    'client',
    'clock',
    'errors',
  ],
  scheduler: ['clock', 'errors'],
  config: [
    'identifier',
    'files',
    'clock',
    'protocol',
    'certificate',
    'dns',
    'dns-provider',
    'deploy',
    'deploy-target',
    'egress',
    'storage',
    'storage-driver',
    'orchestrator',
    'errors',
  ],
  manager: [
    'budgets',
    'check',
    'crypto-exec',
    'identifier',
    'config',
    'clock',
    'protocol',
    'certificate',
    'client',
    'challenge',
    'dns',
    'storage',
    'scheduler',
    'orchestrator',
    'observability',
    'deploy',
    'egress',
    'notifications',
    'probe',
    'revocation',
    'errors',
  ],
  deploy: ['certificate', 'files', 'probe', 'clock', 'errors'],
  'deploy-target': [
    'certificate',
    'deploy',
    'dns',
    'cloud',
    'identifier',
    'egress',
    'files',
    'clock',
    'errors',
  ],
  agent: ['identifier', 'certificate', 'protocol', 'deploy', 'files', 'clock', 'errors'],
  server: [
    'budgets',
    'ca',
    'crypto-exec',
    'files',
    'identifier',
    'clock',
    'protocol',
    'certificate',
    'pkcs12',
    'challenge',
    'storage',
    'storage-driver',
    'scheduler',
    'orchestrator',
    'config',
    'manager',
    'observability',
    'egress',
    'revocation',
    'dashboard',
    'errors',
  ],
  revocation: ['certificate', 'egress', 'storage', 'clock', 'errors'],
  'crypto-exec': ['certificate', 'protocol', 'files', 'clock', 'errors'],
  probe: ['egress', 'clock', 'errors'],
  observability: [
    'identifier',
    'orchestrator',
    'protocol',
    'scheduler',
    'storage',
    'files',
    'clock',
    'errors',
  ],
  notifications: ['identifier', 'orchestrator', 'storage', 'egress', 'clock', 'errors'],
  api: ['identifier', 'clock', 'errors'],
  dashboard: ['api', 'identifier'],
  import: ['certificate', 'protocol', 'files', 'errors'],
  budgets: ['identifier'],
  check: [
    ...['identifier', 'certificate', 'client', 'protocol', 'challenge', 'dns', 'egress'],
    ...['clock', 'errors', 'files'],
  ],
  rehearsal: ['budgets', 'orchestrator', 'storage', 'clock'],
  https: [
    ...['budgets', 'certificate', 'challenge', 'client', 'clock', 'dns', 'errors', 'identifier'],
    ...['local-ca', 'manager', 'observability', 'orchestrator', 'protocol', 'revocation'],
    ...['scheduler', 'storage', 'storage-driver'],
  ],
  'local-ca': ['ca', 'certificate', 'identifier', 'files', 'clock', 'errors'],
  'trust-stores': ['files', 'clock', 'errors'],
  'https-plugin': ['https'],
};
const boundaries = (also = []) => [
  'error',
  {
    enforceBuildableLibDependency: also.length === 0,
    allow: [],
    checkDynamicDependenciesExceptions: ['@acmex/.*'],
    depConstraints: [
      ...Object.entries(mayImport).map(([scope, targets]) => ({
        sourceTag: `scope:${scope}`,
        onlyDependOnLibsWithTags: [...targets, ...also].map((target) => `scope:${target}`),
      })),
      {
        sourceTag: 'scope:app',
        onlyDependOnLibsWithTags: Object.keys(mayImport)
          .filter((scope) => scope !== 'services')
          .concat(also)
          .map((scope) => `scope:${scope}`),
      },
    ],
  },
];

/** Only @acmex/clock reads the time or waits by it. Parsing a written date does not read the time. */
const time = [
  ['NewExpression[callee.name="Date"][arguments.length=0]', 'new Date()'],
  ['CallExpression[callee.name="Date"]', 'Date()'],
  ['MemberExpression[object.name="Date"][property.name="now"]', 'Date.now'],
  ['MemberExpression[object.name="performance"][property.name="now"]', 'performance.now'],
  ['MemberExpression[object.name="Temporal"][property.name="Now"]', 'Temporal.Now'],
  ['MemberExpression[object.name="process"][property.name="hrtime"]', 'process.hrtime'],
  ['MemberExpression[object.name="AbortSignal"][property.name="timeout"]', 'AbortSignal.timeout'],
  ['CallExpression[callee.name=/^set(Timeout|Interval)$/]', 'setTimeout and setInterval'],
  ['ImportDeclaration[source.value=/^(node:)?timers/]', 'node:timers'],
].map(([selector, what]) => ({
  selector,
  message: `Only @acmex/clock reads the time: take a Clock instead of ${what}.`,
}));

/** A part of the server that reads the system clock ignores the clock that the server was given. */
const givenClock = [
  'PropertyDefinition[value.name="systemClock"]',
  'MemberExpression[object.name="systemClock"]',
].map((selector) => ({
  selector,
  message: 'Take a Clock: a controller has it with @Inject(CLOCK).',
}));

/** What no source of TypeScript contains. */
const restrictedSyntax = [
  ...time,
  { selector: 'ExportAllDeclaration', message: 'An index names what it exports.' },
  {
    selector: "ImportDeclaration[source.value='zod'] ImportSpecifier",
    message: "Write `import * as z from 'zod'`: a bundle leaves out what is not used.",
  },
];

/** These run in Node, Deno, Bun and Workers. */
const portable = {
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        {
          regex: '^node:',
          message: 'fetch and WebCrypto alone: this package runs outside Node too.',
        },
      ],
    },
  ],
  'no-restricted-globals': [
    'error',
    'Buffer',
    'process',
    'require',
    '__dirname',
    '__filename',
    'setImmediate',
  ],
};

/** Readable code: short functions, one decision in an expression, names that say what a thing is. */
const readable = {
  'no-nested-ternary': 'error',
  'no-cond-assign': ['error', 'always'],
  'no-return-assign': ['error', 'always'],
  'no-multi-assign': 'error',
  'id-denylist': [
    'error',
    ...['one', 'own', 'other', 'others', 'another', 'most', 'parts', 'given', 'found', 'kept'],
    ...['told', 'tell', 'shown', 'answered', 'look', 'looks', 'looked'],
    ...['keeper', 'keepers', 'keeping'],
  ],
};
const shortFunctions = {
  'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
};
/** What the compiler finds in TypeScript: names that do not exist, or that exist twice. */
const scripts = {
  languageOptions: {
    globals: Object.fromEntries(
      Object.getOwnPropertyNames(globalThis).map((name) => [name, 'readonly']),
    ),
  },
  rules: { 'no-undef': 'error', 'no-redeclare': 'error' },
};

export default [
  { ignores: ['**/dist', '**/node_modules', '**/tmp', 'tools/consumers/**/*.{js,cjs}'] },
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts', '**/*.tsx'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': boundaries(),
      '@typescript-eslint/no-non-null-assertion': 'error',
      // `const { left, ...rest } = all` takes a member away.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      'no-restricted-syntax': ['error', ...restrictedSyntax],
    },
  },
  {
    // The clock of a browser's page, which has no use for Temporal.
    files: ['packages/clock/src/**', 'packages/dashboard/page/time.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['apps/server/src/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*.testing.ts'],
    rules: { 'no-restricted-syntax': ['error', ...restrictedSyntax, ...givenClock] },
  },
  {
    files: ['packages/{errors,identifier,protocol,client,api}/src/**/*.ts'],
    ignores: ['packages/protocol/src/node/**', '**/*.test.ts', '**/*.testing.ts'],
    rules: portable,
  },
  {
    files: ['packages/manager/src/**/*.ts'],
    ignores: [
      'packages/manager/src/{checkpoint-destinations,configured-audit,syslog,crypto,from-config,configured-heartbeat,configured-manager,configured-notifier,declared}.ts',
      '**/*.test.ts',
      '**/*.testing.ts',
    ],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: '@acmex/config',
              message: 'A program embeds the manager without acmex.toml: import it in from-config.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.test.ts', '**/*.testing.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': boundaries([
        'services',
        'api',
        'certificate',
        'client',
        'storage-driver',
        'protocol',
        'challenge',
        'ca',
        'egress',
      ]),
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  { files: ['**/*.mjs'], ...scripts },
  { files: ['**/*.{ts,tsx,mjs}'], rules: readable },
  {
    files: ['**/*.{ts,tsx,mjs}'],
    ignores: ['**/*.test.ts', '**/*.testing.ts'],
    rules: shortFunctions,
  },
];
