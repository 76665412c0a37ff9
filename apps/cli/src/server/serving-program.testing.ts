import { fileURLToPath } from 'node:url';
import { bundledProgram } from '@acmex/services';

let program: Promise<string> | undefined;

/** Returns the file of the program acmex with the server in it, which is a package of its own. */
export async function servingProgram(): Promise<string> {
  const entryPoint = fileURLToPath(new URL('../main.ts', import.meta.url));
  program ??= bundledProgram(entryPoint, { define: { __VERSION__: '"0.0.0"' } });
  return await program;
}
