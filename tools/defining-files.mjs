// Leads what is imported from a package of the workspace to the files that define it. esbuild puts
// whole files into chunks: without this, whatever imports one name from the index of a package loads
// all that the package has.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packages, root } from './packages.mjs';

const importOrExport = /(import|export) \{([^}]*)\} from '(@acmex\/[^']+)';/g;

/** A plugin of esbuild. */
export const definingFiles = {
  name: 'defining files',
  setup({ onLoad }) {
    const indexes = sourceIndexes();
    onLoad({ filter: /[\\/]packages[\\/][^\\/]+[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: readFileSync(path, 'utf8').replace(
        importOrExport,
        (statement, word, list, specifier) => {
          const files = indexes.get(specifier);
          return files ? separately({ word, list, specifier, files }) : statement;
        },
      ),
    }));
  },
};

/** Of each entry of each package, the files of the names that it exports from other files. */
function sourceIndexes() {
  return new Map(
    packages()
      .filter(({ folder }) => folder.startsWith('packages/'))
      .flatMap(({ folder, manifest: { name, exports } }) =>
        Object.entries(exports)
          .map(([path, target]) => [join(name, path), target['@acmex/source']])
          .filter(([, source]) => source !== undefined)
          .map(([specifier, source]) => [specifier, filesOf(join(root, folder, source))]),
      ),
  );
}

function filesOf(index) {
  const exported = readFileSync(index, 'utf8').matchAll(/export \{([^}]*)\} from '(\.[^']+)';/g);
  return new Map(
    [...exported].flatMap(([, list, file]) =>
      namesIn(list).map(({ name, as }) => [as, { name, file: join(index, '..', file) }]),
    ),
  );
}

/** The names of a list in braces; types have no file at run time. */
function namesIn(list) {
  return list
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '' && !text.startsWith('type '))
    .map((text) => text.split(' as '))
    .map(([name, as = name]) => ({ name, as }));
}

/** One statement for each name. */
function separately({ word, list, specifier, files }) {
  return namesIn(list)
    .map(({ name, as }) => {
      const defined = files.get(name) ?? { name, file: specifier };
      return `${word} { ${defined.name} as ${as} } from ${JSON.stringify(defined.file)};`;
    })
    .join(' ');
}
