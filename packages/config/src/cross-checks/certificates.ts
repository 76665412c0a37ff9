import { identifier, IdentifierError } from '@acmex/identifier';
import { originText } from '../fault.ts';
import { isTable, type KeyPath, type Settings, type Table } from '../settings.ts';
import { certificates, type Check, fault } from './check.ts';
import { typesIn } from './key-types.ts';

/** The longest text of a certificate, in characters: that of a path. */
const longest = 4096;

/** Checks that no certificate is there twice: in one file, or in several. */
export const repeatedCertificates: Check = (settings) => {
  const first = new Map<string, number>();
  return certificates(settings).map((certificate, at) => {
    const identity = identityOf(certificate);
    if (identity === undefined) return undefined;
    const before = first.get(identity);
    if (before === undefined) {
      first.set(identity, at);
      return undefined;
    }
    const place = originText(settings.originOf(['certificates', before]));
    return fault(
      settings,
      ['certificates', at, 'names'],
      `has the names of the certificate in ${place}, with the same CA, profile and key type`,
      'remove one of the two',
    );
  });
};

/** Returns what makes a certificate different from all others; undefined without names. */
function identityOf(entry: Table): string | undefined {
  const { names, issuer, issuers = issuer, key, profile } = entry;
  if (!Array.isArray(names) || names.length === 0) return undefined;
  const canonical = names.map((name: unknown) => canonicalName(String(name)));
  return JSON.stringify([
    [...new Set(canonical)].sort(),
    issuers ?? null,
    key ?? typesIn(entry),
    profile ?? null,
  ]);
}

function canonicalName(name: string): string {
  try {
    return identifier(name).value;
  } catch (error) {
    if (!(error instanceof IdentifierError)) throw error;
    return name;
  }
}

/** Checks that a text is not a whole file that was pasted by mistake. */
export const longTexts: Check = (settings) =>
  certificates(settings).flatMap((certificate, at) =>
    longTextsIn(settings, certificate, ['certificates', at]),
  );

function longTextsIn(settings: Settings, value: unknown, path: KeyPath): ReturnType<Check> {
  if (typeof value === 'string')
    return value.length <= longest
      ? []
      : [
          fault(
            settings,
            path,
            `has ${value.length} characters`,
            `write at most ${longest} characters`,
          ),
        ];
  if (Array.isArray(value))
    return value.flatMap((item: unknown, index) => longTextsIn(settings, item, [...path, index]));
  return isTable(value)
    ? Object.entries(value).flatMap(([key, below]) => longTextsIn(settings, below, [...path, key]))
    : [];
}
