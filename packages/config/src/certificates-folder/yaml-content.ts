import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { isTable, type KeyPath, pathText } from '../settings.ts';
import type { Place } from '../place.ts';
import { certificatesIn } from './document-content.ts';
import { type FileContent, type FileFault, noContent } from './file-content.ts';

/** What to do about an error of the parser, by its code: its message can quote the file. */
const cures: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  ALIAS_PROPS: 'write the alias without a tag and without an anchor',
  BAD_INDENT: 'indent the line as the lines of the same list or table',
  BLOCK_AS_IMPLICIT_KEY: 'begin the nested table on a line of its own',
  DUPLICATE_KEY: 'write each key once',
  MISSING_CHAR: 'add the missing quote, comma, colon or bracket',
  MULTIPLE_DOCS: 'write one document into a file, without a further ---',
  TAB_AS_INDENT: 'indent with spaces instead of tabs',
  TAG_RESOLVE_FAILED: 'write the value without a tag that begins with !',
};

/** Reads the certificates of a YAML 1.2 file: a list below the key `certificates`. */
export function yamlContent(text: string): FileContent {
  const lineCounter = new LineCounter();
  const placeOf = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset);
    return { line, column: col };
  };
  try {
    const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error' });
    const faults = firstPerLine([
      ...[...document.errors, ...document.warnings].map(({ code, pos: [at] }) =>
        syntaxFault(placeOf(at), cures[code]),
      ),
      ...unresolvedAliases(document, placeOf),
    ]);
    if (faults.length > 0) return { ...noContent, faults };
    return contentOf(document, placeOf);
  } catch (error) {
    // Too many levels for the stack, or aliases that repeat millions of values.
    if (!(error instanceof RangeError || error instanceof ReferenceError)) throw error;
    return {
      ...noContent,
      faults: [syntaxFault(undefined, 'write it with fewer levels and fewer aliases')],
    };
  }
}

function contentOf(document: Document, placeOf: (offset: number) => Place): FileContent {
  const table: unknown = document.toJS() ?? {};
  if (isTable(table)) return certificatesIn(table, keyPlaces(document, placeOf));
  const fault = {
    key: '',
    place: { line: 1, column: 1 },
    problem: 'is not a table',
    cure: 'write "certificates:", and below it "- names: […]" for each certificate',
  };
  return { ...noContent, faults: [fault] };
}

function syntaxFault(
  place: Place | undefined,
  cure = 'see https://yaml.org/spec/1.2.2',
): FileFault {
  return { key: '', place, problem: 'is not valid YAML', cure };
}

/** What follows in the same line mostly has the same cause. */
function firstPerLine(faults: readonly FileFault[]): readonly FileFault[] {
  const lines = faults.map(({ place }) => place?.line);
  return faults.filter((_, index) => lines.indexOf(lines[index]) === index);
}

function unresolvedAliases(
  document: Document,
  placeOf: (offset: number) => Place,
): readonly FileFault[] {
  const faults: FileFault[] = [];
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) === undefined)
        faults.push(
          syntaxFault(
            alias.range ? placeOf(alias.range[0]) : undefined,
            'write the anchor of the alias before it, with & instead of *',
          ),
        );
    },
  });
  return faults;
}

/** Returns the place of every key and item. What an alias repeats has the place of the alias. */
function keyPlaces(
  document: Document,
  placeOf: (offset: number) => Place,
): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  const walk = (node: unknown, path: KeyPath) => {
    if (isMap(node))
      for (const { key, value } of node.items) {
        if (!isScalar(key)) continue;
        const below = [...path, String(key.value)];
        if (key.range) places.set(pathText(below), placeOf(key.range[0]));
        if (!isAlias(value)) walk(value, below);
      }
    if (isSeq(node))
      for (const [index, item] of node.items.entries()) {
        const below = [...path, index];
        if (isNode(item) && item.range) places.set(pathText(below), placeOf(item.range[0]));
        if (!isAlias(item)) walk(item, below);
      }
  };
  walk(document.contents, []);
  return places;
}
