/** A section of a renewal configuration of certbot. */
export interface ConfigSection {
  readonly values: Readonly<Record<string, string>>;
  readonly sections: Readonly<Record<string, ConfigSection>>;
}

interface MutableSection {
  readonly values: Record<string, string>;
  readonly sections: Record<string, MutableSection>;
}

/**
 * Reads `renewal/NAME.conf`: `key = value`, and sections in as many brackets as they are deep. Lines
 * of other forms are passed over, as certbot's own comments are.
 */
export function readCertbotConfig(text: string): ConfigSection {
  const root: MutableSection = { values: {}, sections: {} };
  const path: MutableSection[] = [root];
  for (const line of text.split(/\r?\n/)) {
    const [, opening = '', section] = /^\s*(\[+)\s*([^\]]*?)\s*\]+\s*$/.exec(line) ?? [];
    if (section !== undefined) {
      const added: MutableSection = { values: {}, sections: {} };
      path.length = Math.min(opening.length, path.length);
      const parent = path.at(-1) ?? root;
      parent.sections[unquoted(section)] = added;
      path.push(added);
      continue;
    }
    const [, key, value] = /^\s*([^#=[\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    const current = path.at(-1) ?? root;
    if (key !== undefined && value !== undefined) current.values[unquoted(key)] = unquoted(value);
  }
  return root;
}

/** Returns the elements of a list: `a, b,`. */
export function listOf(value = ''): readonly string[] {
  return value
    .split(',')
    .map((element) => unquoted(element.trim()))
    .filter((element) => element !== '');
}

function unquoted(text: string): string {
  return /^"([^"]*)"$/.exec(text)?.[1] ?? /^'([^']*)'$/.exec(text)?.[1] ?? text;
}
