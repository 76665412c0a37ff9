import { isTable, pathText, type Table } from '../settings.ts';
import { readDocument } from '../toml/document.ts';
import type { Place } from '../place.ts';
import { type FileContent, noContent } from './file-content.ts';

/** Reads the certificates of a TOML file: `[[certificates]]`. */
export function tomlContent(text: string): FileContent {
  const document = readDocument(text);
  if ('table' in document) return certificatesIn(document.table, document.places);
  const fault = { key: '', ...document, problem: 'is not valid TOML' };
  return { ...noContent, faults: [fault] };
}

/** Returns the list `certificates` of a table, which must have no further key. */
export function certificatesIn(table: Table, places: ReadonlyMap<string, Place>): FileContent {
  const { certificates: written, ...more } = table;
  // In YAML, a key without a value has the value null.
  const certificates = written ?? [];
  const faults = Object.keys(more).map((name) => ({
    key: pathText([name]),
    place: places.get(pathText([name])),
    problem: 'does not belong into a file with certificates',
    cure: 'write [[certificates]] here, and anything else in acmex.toml',
  }));
  if (Array.isArray(certificates) && certificates.every((entry) => isTable(entry)))
    return { entries: certificates, places, faults };
  const fault = {
    key: 'certificates',
    place: places.get('certificates'),
    problem: 'is not a list of tables',
    cure: 'write [[certificates]] before each certificate in TOML, or "certificates:" with "- names: […]" below it in YAML',
  };
  return { ...noContent, faults: [...faults, fault] };
}
