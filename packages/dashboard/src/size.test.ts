import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { dashboardFolder } from './files.ts';

/** Bytes after gzip, which is what a browser loads at most: it prefers brotli. */
const mostToSignIn = 15_000;
const mostInOneLanguage = 80_000;

/** A script as the build describes it. */
interface Script {
  readonly path: string;
  readonly file: string;
  readonly isCompressed: boolean;
  readonly source?: string;
  readonly imports: readonly string[];
}

async function scripts(): Promise<readonly Script[]> {
  const manifest = await readFile(join(dashboardFolder(), 'manifest.json'), 'utf8');
  return (JSON.parse(manifest) as readonly Script[]).filter(({ path }) => path.endsWith('.js'));
}

async function sizeOf(loaded: Iterable<Script>): Promise<number> {
  const sizes = [...loaded].map(async ({ file, isCompressed }) => {
    const path = join(dashboardFolder(), isCompressed ? `${file}.gz` : file);
    return (await stat(path)).size;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Returns scripts with everything that a browser loads with them. */
function withImports(all: readonly Script[], sources: readonly string[]): ReadonlySet<Script> {
  const loaded = new Set<Script>();
  const load = (script: Script | undefined) => {
    if (!script) throw new Error('the build has no such script: build the page again');
    if (loaded.has(script)) return;
    loaded.add(script);
    for (const path of script.imports) load(all.find((each) => each.path === path));
  };
  for (const source of sources) load(all.find((script) => script.source === source));
  return loaded;
}

const languageOf = ({ source = '' }: Script) => /^page\/strings\/([a-z]{2})\//.exec(source)?.[1];

describe.each(['en', 'de'])('the scripts of the page in the language %s', (language) => {
  it('are small for the sign-in', async () => {
    const first = withImports(await scripts(), [
      'page/main.tsx',
      'page/screens/sign-in.tsx',
      `page/strings/${language}/shell.ts`,
    ]);
    expect(await sizeOf(first)).toBeLessThanOrEqual(mostToSignIn);
  });

  it('are small altogether', async () => {
    const all = await scripts();
    const loaded = all.filter((script) => (languageOf(script) ?? language) === language);
    expect(new Set(loaded.map(languageOf))).toEqual(new Set([undefined, language]));
    expect(await sizeOf(loaded)).toBeLessThanOrEqual(mostInOneLanguage);
  });
});
