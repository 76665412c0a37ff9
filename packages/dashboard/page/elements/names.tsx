import { strings } from '../strings/strings.ts';
import { visibleText } from '../visible-text.ts';

const words = await strings('certificates');

/** The names of a certificate: the first few, and how many more there are. */
export function Names({
  names,
  first = 3,
}: {
  readonly names: readonly string[];
  readonly first?: number;
}) {
  const rest = names.length - first;
  return (
    <span class="names" title={rest > 0 ? names.map(visibleText).join('\n') : undefined}>
      {names.slice(0, first).map((name) => (
        <bdi key={name}>{visibleText(name)}</bdi>
      ))}
      {rest > 0 ? <small>{words.more(rest)}</small> : null}
    </span>
  );
}
