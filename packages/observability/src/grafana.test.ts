import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const text = readFileSync(join(import.meta.dirname, '../grafana/acmex.json'), 'utf8');
const dashboard = JSON.parse(text) as object;

/**
 * Returns what the TypeScript compiler says of each dashboard beside Grafana's schema, in which the
 * value of an enumeration is written as in JSON.
 */
function faultsOf(dashboards: readonly string[]): readonly string[] {
  const sources = new Map(
    dashboards.map((each, index) => [
      join(import.meta.dirname, `dashboard-${index}.checked.ts`),
      `import type { Dashboard } from '@grafana/schema';
      type Json<T> = T extends string
        ? \`\${T}\`
        : T extends readonly (infer Item)[]
          ? readonly Json<Item>[]
          : T extends object
            ? { readonly [Name in keyof T]: Json<T[Name]> }
            : T;
      ({ dashboard: ${each} }) satisfies { dashboard: Json<Dashboard> };`,
    ]),
  );
  const options: ts.CompilerOptions = {
    ...{ strict: true, noEmit: true, skipLibCheck: true, types: [] },
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.getSourceFile = (name, ...rest) => {
    const source = sources.get(name);
    return source === undefined
      ? getSourceFile(name, ...rest)
      : ts.createSourceFile(name, source, ts.ScriptTarget.ES2022);
  };
  host.fileExists = (name) => sources.has(name) || fileExists(name);
  const names = [...sources.keys()];
  const program = ts.createProgram(names, options, host);
  return names.map((name) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(name))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
      .join('\n'),
  );
}

describe('the dashboard', () => {
  it("fits Grafana's schema, and would not with another type or name of a value", () => {
    const [faults, type, name] = faultsOf([
      text,
      JSON.stringify({ ...dashboard, panels: [{ type: 'stat', gridPos: { x: 'left' } }] }),
      JSON.stringify({ ...dashboard, colour: 'red' }),
    ]);
    expect(faults).toBe('');
    expect(type).toContain("'string' is not assignable");
    expect(name).toContain(`'"colour"' does not exist`);
  });
});
