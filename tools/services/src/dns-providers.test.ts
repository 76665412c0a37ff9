import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
interface Kind {
  readonly name: string;
  /** Which clauses of the contract it does without, and why. */
  readonly contract?: string;
}
const manifests = readdirSync(join(root, 'packages'))
  .filter((name) => name.startsWith('dns-'))
  .map((folder) => {
    const {
      acmex: { dns },
    } = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as {
      readonly acmex: { readonly dns: Kind | readonly Kind[] };
    };
    return { folder, kinds: [dns].flat() as readonly Kind[] };
  });
const files = (folder: string, wanted: (name: string) => boolean) =>
  readdirSync(join(root, 'packages', folder, 'src'))
    .filter(wanted)
    .map((name) => ({
      name,
      text: readFileSync(join(root, 'packages', folder, 'src', name), 'utf8'),
    }));
const sources = (folder: string) =>
  files(folder, (name) => /\.ts$/.test(name) && !/\.(test|testing)\.ts$/.test(name));
/** Counts the lines that are not blank, a comment, an import or an export of an index. */
const code = (text: string) =>
  text
    .split('\n')
    .filter((line) => !/^\s*(?:$|\/\/|\/?\*)|^import |^export (?:type )?\{/.test(line)).length;

const usualLines = 260;
/** The packages with more lines than usual, and why. */
const longer: Readonly<Record<string, { readonly lines: number; readonly why: string }>> = {
  'dns-rfc2136': {
    lines: 490,
    why: 'DNS messages and their signatures (RFC 2136, 8945) on the wire, and key files of BIND',
  },
  'dns-alibaba': {
    lines: 410,
    why: 'requests signed by ACS3-HMAC-SHA256, keys of RAM roles, and answers that are lost or late',
  },
  'dns-cloudflare': {
    lines: 280,
    why: 'three kinds of credentials: a token, one token for zones and one for records, a global key',
  },
  'dns-google': {
    lines: 660,
    why: 'six kinds of access tokens and the project of a machine, instead of an SDK of 20 packages',
  },
  'dns-azure': {
    lines: 700,
    why: 'five kinds of access tokens in three clouds, and zones by path, by name and by subscription',
  },
  'dns-tencent': {
    lines: 300,
    why: 'requests signed by TC3-HMAC-SHA256, and records that its list shows later',
  },
  'dns-huawei': {
    lines: 360,
    why: 'requests signed by SDK-HMAC-SHA256, and changes that take effect later',
  },
  'dns-route53': {
    lines: 590,
    why: 'record sets with routing policies, INSYNC, credentials that change, and roles of other accounts',
  },
};

describe('every DNS provider', () => {
  it.each(manifests.map(({ folder }) => folder).filter((folder) => folder !== 'dns-hooks'))(
    `%s is at most ${usualLines} lines, or has a reason to be longer`,
    (folder) => {
      const lines = sources(folder).reduce((sum, { text }) => sum + code(text), 0);
      const limit = longer[folder]?.lines ?? usualLines;
      expect([folder, lines, lines <= limit]).toEqual([folder, lines, true]);
      if (longer[folder]) expect([folder, lines > usualLines]).toEqual([folder, true]);
    },
  );
  it('is split into files of at most 270 lines', () => {
    expect(
      manifests.flatMap(({ folder }) =>
        sources(folder)
          .filter(({ text }) => code(text) > 270)
          .map(({ name }) => `${folder}/${name}`),
      ),
    ).toEqual([]);
  });
  it.each(
    manifests.flatMap(({ folder, kinds }) =>
      kinds.map(({ name, contract }) => [name, folder, contract] as const),
    ),
  )('%s runs the whole contract, or says what it does without', (name, folder, contract) => {
    const whole = files(folder, (file) => file.endsWith('.test.ts')).some(({ text }) =>
      /dnsProviderContract\.map\(/.test(text),
    );
    expect([name, whole]).toEqual([name, contract === undefined]);
    const page =
      readFileSync(join(root, 'docs/dns.md'), 'utf8')
        .split(/^## /m)
        .find((section) => section.includes(`\n\`${name}\`, of `)) ?? '';
    expect(page).toContain(
      contract === undefined ? 'Passes the whole [contract]' : `: ${contract}.`,
    );
  });
});
