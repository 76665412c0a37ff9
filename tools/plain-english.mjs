// `npm run words`: counts words and turns of phrase that plain English does not use, in everything
// that the repository holds, and fails unless there are none. Quotations do not count: Markdown
// lines that begin with `>`, and text in curly quotation marks.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is not written, and what to write instead. */
export const phrases = [
  [/\b(?:stands?|stood|standing)\b(?!-in)/, 'is, has, "is in", "applies"'],
  [
    /\b(?:lies|lay|lying|lain)\b|\bcan lie\b|\blie (?:in|on|at|below|above|outside)\b/,
    'is, "is stored in"',
  ],
  [/\b(?:told|tells)\b/, 'says, reports, "is set to", "is called with"'],
  [/\banew\b/, 'again'],
  [/\b(?:whoever|whomever|whosoever)\b/, '"anyone who", "the process that"'],
  [/(?<!['"`])\bnobody\b(?![:'"`])/, '"no one", "nothing", "not"'],
  [/\blook(?:s|ed|ing)? after\b/, 'manages, maintains'],
  [/\bby way of\b/, 'through, by'],
  [/\b(?:goes|go|went|going|gone) on\b/, 'continues, resumes'],
  [
    /(?<!\bthere )\b(?:is|are|was|were) no (?!longer|more|one|less|later|earlier|newer|older|wider|longer)/,
    '"is not a", "is not an"',
  ],
  [/\bgive (?:it |them )?(?:`?--|the flag)/, 'use'],
  [/\b(?:mend|mends|mended|mending)\b/, 'fix'],
  [
    /\b(?:beneath|amid|amidst|midst|upon|whence|thence|hence|thereof|therein|wherein|whereupon|hither|hitherto|lest|ere|oneself|forthwith|heed|hasten|hastens|betimes|alike)\b/,
    'the common word',
  ],
  [/\bone's own\b/, '"your own"'],
  [/\bin the place of\b/, '"instead of"'],
  [/\b(?:troublemaker|strangers?|colleagues?)\b/, 'the thing itself'],
  [/\banymore\b/, '"no longer", "not"'],
  [/\bfor ever\b/, 'forever'],
];

/** They name the words that are not used. */
const lists = ['tools/plain-english.mjs', 'eslint.config.mjs'];
const isProse = (file) =>
  /\.(?:ts|mjs|md|toml|ya?ml|sh|service|timer|conf|json)$|^\.ci\//.test(file);
const isForeign = (file) =>
  /package-lock\.json$|\/released\/|\/fixtures\/|^LICENSE/.test(file) || lists.includes(file);

/**
 * Returns each place in `text` where a phrase is used: line, column, the words, and what to write.
 */
export function archaisms(text) {
  return text.split('\n').flatMap((line, index) => {
    if (/^\s*>/.test(line)) return [];
    const prose = line.replaceAll(/“[^”]*”/g, (quotation) => ' '.repeat(quotation.length));
    return phrases.flatMap(([phrase, instead]) =>
      [...prose.matchAll(new RegExp(phrase, 'gi'))].map((match) => ({
        line: index + 1,
        column: match.index + 1,
        words: match[0],
        instead,
      })),
    );
  });
}

if (process.argv[1] === import.meta.filename) {
  const root = join(import.meta.dirname, '..');
  const places = process.argv.slice(2);
  const { stdout } = spawnSync('git', ['ls-files', '-z', '--', ...places], {
    cwd: root,
    encoding: 'utf8',
  });
  const files = stdout.split('\0').filter((file) => isProse(file) && !isForeign(file));
  let count = 0;
  for (const file of files) {
    for (const { line, column, words, instead } of archaisms(
      readFileSync(join(root, file), 'utf8'),
    )) {
      count += 1;
      console.log(`${file}:${line}:${column}: “${words}”: write ${instead}`);
    }
  }
  console.log(`${count} archaic words in ${files.length} files`);
  process.exitCode = count === 0 && files.length > 0 ? 0 : 1;
}
