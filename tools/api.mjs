// Writes what each published package exports, declaration by declaration, to its api.md; with
// --check it only says what has changed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { publishedPackages, root } from './packages.mjs';

const check = process.argv.includes('--check');
const published = publishedPackages()
  .map((published) => ({ ...published, entries: entriesOf(published) }))
  .filter(({ entries }) => entries.length > 0);
const { config } = ts.readConfigFile(join(root, 'tsconfig.base.json'), ts.sys.readFile);
const { options } = ts.convertCompilerOptionsFromJson(
  {
    ...config.compilerOptions,
    declaration: true,
    removeComments: true,
    noEmitOnError: false,
    stableTypeOrdering: true,
  },
  root,
);
const program = ts.createProgram(
  published.flatMap(({ entries }) => entries.map(({ source }) => source)),
  options,
);
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true });
const declarations = new Map();

for (const { folder, manifest, entries } of published) {
  const path = join(root, folder, 'api.md');
  const text = `# API of ${manifest.name}\n\nMade from the code by \`npm run api\`: a change here is a change for everyone who uses the package.\n\n${entries.map(section).join('\n')}`;
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (text === before) continue;
  if (check) {
    console.error(
      `The API of ${manifest.name} has changed; if that is meant, run npm run api and commit ${folder}/api.md:\n${changed(before, text).join('\n')}`,
    );
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
    console.log(`${folder}/api.md is written`);
  }
}

/** The entries of `exports` that are made from a source. */
function entriesOf({ folder, manifest: { name, exports = {} } }) {
  return Object.entries(exports)
    .filter(([, target]) => target['@acmex/source'])
    .map(([path, target]) => ({
      name: join(name, path),
      source: join(root, folder, target['@acmex/source']),
    }));
}

function section({ name, source }) {
  const exported = checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(source)))
    .map((symbol) => {
      const {
        name: local,
        declarations: [first],
      } = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return { name: symbol.name, local, file: first.getSourceFile().fileName };
    });
  const below = named(exported);
  return [
    `## ${name}`,
    '',
    '```ts',
    ...printed(exported),
    ...(below.length > 0 ? ['', '// Not exported, but part of the above:', ...printed(below)] : []),
    '```',
    '',
  ].join('\n');
}

function printed(names) {
  return names
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, local, file }) => {
      if (isGenerated(file)) return `// ${name}: in ${relative(root, file)}, which is generated`;
      const text = statements(file)
        .get(local)
        .map((declared) =>
          printer
            .printNode(ts.EmitHint.Unspecified, declared, declared.getSourceFile())
            .replace(/^(export )?(declare )?/, ''),
        )
        .join('\n');
      return withoutWording(text)
        .replace(/ extends (\w+)Error_base\b/, ' extends CodedError<$1ErrorCode>')
        .replace(new RegExp(`\\b${local}\\b`), name)
        .replace(/^ +/gm, (indent) => indent.slice(indent.length / 2));
    });
}

/** A generated source is in the repository, and shows its changes itself. */
function isGenerated(file) {
  return program.getSourceFile(file).text.startsWith('// Made from ');
}

/** How an error is worded may change: docs/errors.md has the words. */
function withoutWording(text) {
  return text.replace(
    /\{\s+readonly meaning: .*\s+readonly cure: .*\s+readonly exit: (\d+);\s+readonly http: (\d+);\s+\}/g,
    '{ meaning: string; cure: string; exit: $1; http: $2 }',
  );
}

/** Returns what a type refers to: the name of a type or of a value. */
function referenceOf(node) {
  if (ts.isTypeReferenceNode(node)) return node.typeName;
  if (ts.isTypeQueryNode(node)) return node.exprName;
  return ts.isExpressionWithTypeArguments(node) ? node.expression : undefined;
}

/** The declarations of the package that others of it name, though they are not among them. */
function named(exported) {
  const known = new Set(exported.map(identity));
  const results = [];
  for (const { local, file } of exported) visitAll(local, file);
  return results;

  function visitAll(local, file) {
    if (isGenerated(file)) return;
    for (const statement of statements(file).get(local)) visit(statement, file);
  }

  function visit(node, file) {
    const target = referenceOf(node);
    const declared = target && ts.isIdentifier(target) ? origin(target.text, file) : undefined;
    if (declared && !declared.local.endsWith('Error_base') && !known.has(identity(declared))) {
      known.add(identity(declared));
      results.push(declared);
      visitAll(declared.local, declared.file);
    }
    ts.forEachChild(node, (child) => visit(child, file));
  }
}

/**
 * Where the package declares what a file calls `name`; undefined for what is not the package's own.
 */
function origin(name, file) {
  const here = statements(file);
  if (here.has(name)) return { name, local: name, file };
  for (const statement of here.imports) {
    const element = statement.importClause?.namedBindings?.elements?.find(
      (declared) => declared.name.text === name,
    );
    if (element && statement.moduleSpecifier.text.startsWith('.'))
      return origin(
        (element.propertyName ?? element.name).text,
        resolve(dirname(file), statement.moduleSpecifier.text),
      );
  }
  return undefined;
}

function identity({ local, file }) {
  return `${file}#${local}`;
}

/** The statements of a file's declarations by the names that they declare, and its imports. */
function statements(file) {
  if (!declarations.has(file)) {
    const names = new Map();
    const parsed = ts.createSourceFile(file, declarationsOf(file), ts.ScriptTarget.Latest, true);
    for (const statement of parsed.statements) {
      const declared = ts.isVariableStatement(statement)
        ? statement.declarationList.declarations
        : [statement];
      for (const { name } of declared)
        if (name) names.set(name.text, [...(names.get(name.text) ?? []), statement]);
    }
    declarations.set(
      file,
      Object.assign(names, { imports: parsed.statements.filter(ts.isImportDeclaration) }),
    );
  }
  return declarations.get(file);
}

function declarationsOf(file) {
  let text = '';
  program.emit(
    program.getSourceFile(file),
    (_, written) => {
      text = written;
    },
    undefined,
    true,
  );
  return text;
}

/** The lines that went and came, a dozen at most. */
function changed(before, after) {
  const [old, now] = [before.split('\n'), after.split('\n')];
  const lines = [
    ...old.filter((line) => !now.includes(line)).map((line) => `  - ${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `  + ${line}`),
  ];
  return lines.length > 12 ? [...lines.slice(0, 12), `  … and ${lines.length - 12} more`] : lines;
}
