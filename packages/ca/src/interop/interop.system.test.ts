import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseChain } from '@acmex/certificate';
import { describeWith } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listIssued } from '../index.ts';
import { abilities, type Ability, realClients } from './clients.testing.ts';
import { startSubject, type Subject } from './subject.testing.ts';

const page = join(import.meta.dirname, '../../../../docs/interop.md');
const rows = new Map<string, { version: string; passed: Set<Ability> }>();
const ran = new Set<string>();
/** How much a client does at a time, each in a folder of its own: it waits for most of its time. */
const atOnce = 3;

for (const { name, program, version, can } of realClients) {
  describeWith(program === 'node' ? [] : [program], `${name} with our CA`, () => {
    let subject: Subject;
    let bound: Subject;
    const abilitiesOfClient = abilities.filter((ability) => can[ability]);
    const outcomes = new Map<Ability, Promise<string | undefined>>();
    const subjectOf = (ability: Ability) => (ability === 'EAB' ? bound : subject);
    const perform = async (ability: Ability) => {
      const at = subjectOf(ability);
      return await can[ability]?.(at, await mkdtemp(join(at.folder, 'client-')));
    };
    beforeAll(async () => {
      subject = await startSubject();
      bound = await startSubject({ externalAccountRequired: true });
      rows.set(name, { version: await version(), passed: new Set() });
      ran.add(name);
      abilitiesOfClient.forEach((ability, index) => {
        const previous = abilitiesOfClient[index - atOnce];
        const begin = previous ? outcomes.get(previous)?.catch(() => undefined) : undefined;
        const outcome = Promise.resolve(begin).then(() => perform(ability));
        outcome.catch(() => {
          /* the test of this ability reports it */
        });
        outcomes.set(ability, outcome);
      });
    });
    afterAll(async () => {
      await Promise.allSettled(outcomes.values());
      await subject?.[Symbol.asyncDispose]();
      await bound?.[Symbol.asyncDispose]();
    });

    for (const ability of abilitiesOfClient) {
      it(
        ability,
        async () => {
          const at = subjectOf(ability);
          const pem = await outcomes.get(ability);
          if (pem !== undefined) expect(parseChain(pem)[0]?.identifiers.length).toBeGreaterThan(0);
          const issued = [];
          for await (const certificate of listIssued(at.storage)) issued.push(certificate);
          if (ability === 'revocation')
            expect(issued.filter(({ revoked }) => revoked)).toHaveLength(1);
          else expect(issued.length).toBeGreaterThan(0);
          expect(at.failures).toEqual([]);
          rows.get(name)?.passed.add(ability);
        },
        120_000,
      );
    }
  });
}

describe('docs/interop.md', () => {
  it('reports what passed', async () => {
    const text = table();
    if (process.env.ACMEX_WRITE === 'interop') await writeFile(page, text);
    const published = await readFile(page, 'utf8');
    // A machine without a program says nothing about it.
    for (const { name } of realClients.filter((realClient) => ran.has(realClient.name)))
      expect(lineOf(name, published)).toBe(lineOf(name, text));
  });
});

function lineOf(name: string, text: string): string | undefined {
  return text.split('\n').find((line) => line.startsWith(`| ${name} `));
}

function table(): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const body = realClients.map(({ name, can }) => {
    const { version, passed } = rows.get(name) ?? { version: '', passed: new Set<Ability>() };
    return line([
      name,
      version,
      ...abilities.map((ability) => {
        if (!can[ability]) return '–';
        return passed.has(ability) ? 'yes' : '**failed**';
      }),
    ]);
  });
  return `# Clients of other authors

What they did with the ACME server of [@acmex/ca](../packages/ca/README.md), in the versions of Debian 12, in the test suite. A dash: the client cannot do it, or not without a person. This page is written by \`npm run interop -- --write\`, and a test holds it against what runs.

${[line(['client', 'version', ...abilities]), line(['---', '---', ...abilities.map(() => '---')]), ...body].join('\n')}
`;
}
