import type { Place } from '../place.ts';
import type { KeyPath } from '../settings.ts';

/** Reads a valid TOML document once, and reports each key and item inside values with its place. */
export class TomlReader {
  private at = 0;
  private line = 1;
  private lineStart = 0;

  constructor(
    private readonly text: string,
    private readonly onKey: (path: KeyPath, place: Place) => void,
  ) {}

  get place(): Place {
    return { line: this.line, column: this.at - this.lineStart + 1 };
  }

  get atEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** Over white space, line ends, comments, and what else is passed. */
  skip(also = ''): void {
    for (; !this.atEnd; this.step()) {
      if (this.text[this.at] === '#') this.toLineEnd();
      if (!` \t\r\n${also}`.includes(this.text[this.at] ?? ' ')) return;
    }
  }

  /** `[[` or `[` where a header begins. */
  opening(): '[[' | '[' | undefined {
    if (this.text[this.at] !== '[') return undefined;
    const opening = this.text.startsWith('[[', this.at) ? '[[' : '[';
    this.step(opening.length);
    return opening;
  }

  closing(): void {
    this.toLineEnd();
  }

  /** A key with its dots. */
  key(): readonly string[] {
    const names: string[] = [];
    for (this.blanks(); !this.atEnd; this.blanks()) {
      names.push(this.part());
      this.blanks();
      if (this.text[this.at] !== '.') return names;
      this.step();
    }
    return names;
  }

  keyAndValue(table: KeyPath): void {
    const [place, before, names] = [this.place, this.at, this.key()];
    for (let length = 1; length <= names.length; length++)
      this.onKey([...table, ...names.slice(0, length)], place);
    this.blanks();
    if (this.text[this.at] === '=') this.step();
    this.value([...table, ...names]);
    if (this.at === before) this.step();
  }

  private value(path: KeyPath): void {
    this.blanks();
    const first = this.text[this.at];
    if (first === '[') this.array(path);
    else if (first === '{') this.inlineTable(path);
    else if (first === '"' || first === "'") this.string();
    else while (!this.atEnd && !/[,\]}\r\n#]/.test(this.text[this.at] ?? '')) this.step();
  }

  private array(path: KeyPath): void {
    this.step();
    this.skip(',');
    for (let index = 0; !this.atEnd && this.text[this.at] !== ']'; index++) {
      this.onKey([...path, index], this.place);
      const before = this.at;
      this.value([...path, index]);
      this.skip(',');
      if (this.at === before) this.step();
    }
    this.step();
  }

  private inlineTable(path: KeyPath): void {
    this.step();
    for (this.skip(','); !this.atEnd && this.text[this.at] !== '}'; this.skip(','))
      this.keyAndValue(path);
    this.step();
  }

  private part(): string {
    const start = this.at;
    const quote = this.text[this.at];
    if (quote !== '"' && quote !== "'") {
      while (/[\w-]/.test(this.text[this.at] ?? '')) this.step();
      return this.text.slice(start, this.at);
    }
    this.string();
    const inside = this.text.slice(start + 1, this.at - 1);
    return quote === '"' ? unescaped(inside) : inside;
  }

  private string(): void {
    const quote = this.text[this.at] ?? '"';
    const end = this.text.startsWith(quote.repeat(3), this.at) ? quote.repeat(3) : quote;
    this.step(end.length);
    while (!this.atEnd && !this.text.startsWith(end, this.at))
      this.step(quote === '"' && this.text[this.at] === '\\' ? 2 : 1);
    this.step(end.length);
    // Up to two more quotes before the end of a long string belong to it.
    if (end.length === 3) while (this.text[this.at] === quote) this.step();
  }

  private blanks(): void {
    while (this.text[this.at] === ' ' || this.text[this.at] === '\t') this.step();
  }

  private toLineEnd(): void {
    while (!this.atEnd && this.text[this.at] !== '\n') this.step();
  }

  private step(count = 1): void {
    for (let n = 0; n < count; n++) {
      if (this.text[this.at++] !== '\n') continue;
      this.line++;
      this.lineStart = this.at;
    }
  }
}

/** A quoted key's own text; TOML's escapes are JSON's, but for `\U`, `\x` and `\e`. */
function unescaped(text: string): string {
  const plain = text.replaceAll(
    /\\(?:U([\da-fA-F]{8})|x([\da-fA-F]{2})|(e))/g,
    (_, long: string | undefined, short: string | undefined) =>
      JSON.stringify(String.fromCodePoint(Number.parseInt(long ?? short ?? '1b', 16))).slice(1, -1),
  );
  try {
    return String(JSON.parse(`"${plain}"`));
  } catch {
    return text;
  }
}
