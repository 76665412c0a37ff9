import { systemClock } from '@acmex/clock';
import { printable } from '@acmex/errors';
import { endingRecords, type CertificateManager } from '@acmex/manager';
import { type CertificateState, type ManagedCertificate, stateOf } from '@acmex/orchestrator';
import { CliError } from '../errors.ts';
import type { Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import { type ConfiguredOutputOptions, type Row, type Result, table } from '../output.ts';
import { withManager } from './with-manager.ts';

const namesOf = ({ names }: ManagedCertificate) =>
  names.map((name) => printable(name, 255)).join(' ');
const rowOf = (one: ManagedCertificate): Row => ({
  id: one.id,
  state: stateOf(one, systemClock),
  expires: one.current?.notAfter,
  renews: one.renewal?.at,
  issuer: one.issuer,
  names: namesOf(one),
});
/** Everything but what only this program's own records mean. */
const documentOf = (one: ManagedCertificate) => ({ ...one, state: stateOf(one, systemClock) });

/** The one that is meant: by its id, or by a name that only one has. @throws CliError `ERR_CLI_USAGE` */
export async function theCertificate(
  { provisioner: { certificates } }: CertificateManager,
  which: string,
): Promise<ManagedCertificate> {
  if (/^crt_/.test(which)) return await certificates.get(which);
  const found: ManagedCertificate[] = [];
  for await (const one of certificates.byName(which)) found.push(one);
  const [one, ...others] = found;
  if (!one)
    throw new CliError(
      'ERR_CLI_USAGE',
      `no managed certificate has the name ${printable(which, 255)}: see acmex cert list`,
    );
  if (others.length > 0)
    throw new CliError(
      'ERR_CLI_USAGE',
      `${found.length} managed certificates have the name ${printable(which, 255)}: say which by its id, ${found.map(({ id }) => id).join(' or ')}`,
    );
  return one;
}

/** `acmex cert list` */
export async function certList(
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async ({ provisioner }, report) => {
    const all: ManagedCertificate[] = [];
    for await (const one of provisioner.certificates.list({
      signal: terminal.signal,
      onCorrupt: ({ message }) => report.warn(message),
    }))
      all.push(one);
    const rows = all.map(rowOf);
    if (rows.length === 0)
      report.done('no certificate is managed in this storage: acmex obtain begins one');
    return { text: table(rows), document: all.map(documentOf), rows };
  });
}

/** `acmex cert show` */
export async function certShow(
  which: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async (parts) => {
    const one = await theCertificate(parts, which);
    const { current, renewal, failure, deployFailure, deploy = [] } = one;
    const lines: readonly (readonly [string, string | undefined])[] = [
      ['id', one.id],
      ['names', namesOf(one)],
      ['state', stateOf(one, systemClock)],
      ['issuer', one.issuer],
      ['key type', one.keyType],
      ['serial', current?.serialNumber],
      ['valid', current && `${current.notBefore} to ${current.notAfter}`],
      ['issued', current?.issuedAt],
      ['revoked', current?.revokedAt],
      ['renews', renewal?.at],
      ['window', renewal?.window && `${renewal.window.start} to ${renewal.window.end}, by the CA`],
      ['because', renewal?.explanationUrl && printable(renewal.explanationUrl, 300)],
      ['order', one.order],
      [
        'failed',
        failure &&
          `${failure.at}, ${failure.failures} times: ${printable(failure.message, 2000)} [${failure.code}]`,
      ],
      ['again', failure?.retryAt],
      ...deploy.map((target): readonly [string, string] => [
        'goes to',
        Object.values(target)
          .map((value) => printable(String(value), 500))
          .join(', '),
      ]),
      [
        'deployed',
        deploy.length === 0 ? undefined : one.deployed === current?.generation ? 'yes' : 'not yet',
      ],
      [
        'deploying',
        deployFailure &&
          `failed ${deployFailure.at}: ${printable(deployFailure.message, 2000)} [${deployFailure.code}]`,
      ],
    ];
    return {
      text: lines
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name.padEnd(10)} ${value}`)
        .join('\n'),
      document: documentOf(one),
      rows: [rowOf(one)],
    };
  });
}

/** `acmex cert export`: what lies in the storage, into files. */
export async function certExport(
  which: string,
  {
    certPath,
    keyPath,
    ...options
  }: ConfiguredOutputOptions & { readonly certPath?: string; readonly keyPath?: string },
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async (parts) => {
    const { id, current } = await theCertificate(parts, which);
    const content =
      current && (await parts.provisioner.certificates.generation(id, current.generation));
    if (!content)
      throw new CliError('ERR_CLI_USAGE', `${id} was never issued: there is nothing to export`);
    if (certPath === undefined && keyPath === undefined)
      return { text: content.chain.trimEnd(), document: { id, chain: content.chain } };
    for (const [path, text, mode] of [
      [keyPath, content.privateKey, 0o600],
      [certPath, content.chain, 0o644],
    ] as const) {
      if (path === undefined) continue;
      await using file = await waitingFile(path, mode);
      await file.commit(text);
    }
    return {
      text: [certPath, keyPath].filter((path) => path !== undefined).join('\n'),
      document: { id, certificate: certPath, privateKey: keyPath },
    };
  });
}

/** `acmex cert pause|resume|remove` */
export async function certChange(
  what: 'pause' | 'resume' | 'remove',
  which: string,
  options: ConfiguredOutputOptions,
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async (parts): Promise<Result> => {
    const one = await theCertificate(parts, which);
    const { certificates } = parts.provisioner;
    if (what === 'remove') await parts.provisioner.remove(one.id, { signal: terminal.signal });
    else await certificates[what](one.id);
    const done = {
      pause: 'is paused: nothing renews it',
      resume: 'is kept current again',
      remove:
        'is not managed anymore, and its keys are gone from the storage; files that it went to stay',
    }[what];
    return {
      text: `${one.id} (${namesOf(one)}) ${done}`,
      document:
        what === 'remove'
          ? { id: one.id, removed: true }
          : documentOf(await certificates.get(one.id)),
    };
  });
}

/** `acmex cert revoke` */
export async function certRevoke(
  which: string,
  { reason, ...options }: ConfiguredOutputOptions & { readonly reason?: string },
  terminal: Terminal,
): Promise<void> {
  await withManager(options, terminal, async (parts): Promise<Result> => {
    const one = await theCertificate(parts, which);
    await parts.provisioner.revoke(one.id, { reason, signal: terminal.signal });
    return {
      text: `${one.id} (${namesOf(one)}) is revoked: acmex renew -d ${one.id} --force orders another, acmex cert remove forgets it`,
      document: documentOf(await parts.provisioner.certificates.get(one.id)),
    };
  });
}

/** `acmex status`: how all stand, for a monitoring system: 0 well, 1 a warning, 2 critical, 3 unknown. Reads, and changes nothing. */
export async function status(
  {
    warn,
    crit,
    ...options
  }: ConfiguredOutputOptions & { readonly warn: number; readonly crit: number },
  terminal: Terminal,
): Promise<number> {
  let worst = 0;
  await withManager(options, terminal, async ({ provisioner, storage, config }) => {
    const now = systemClock.now().epochMilliseconds;
    const rows: {
      id: string;
      level: 'OK' | 'WARNING' | 'CRITICAL';
      days: number | undefined;
      state: CertificateState;
      names: string;
      message: string | undefined;
    }[] = [];
    for await (const one of provisioner.certificates.list({ signal: terminal.signal })) {
      const days = one.current && Math.floor((Date.parse(one.current.notAfter) - now) / 86_400_000);
      const state = stateOf(one, systemClock);
      // A lifetime shorter than the limits is judged by its own measure: a fifth left, a tenth left.
      const life = one.current
        ? (Date.parse(one.current.notAfter) - Date.parse(one.current.notBefore)) / 86_400_000
        : Infinity;
      const left = one.current ? (Date.parse(one.current.notAfter) - now) / 86_400_000 : -1;
      const [ending] = await endingRecords(one, { storage, config, now: systemClock.now() });
      const level =
        left < Math.min(crit, life / 10) || state === 'revoked'
          ? 'CRITICAL'
          : left < Math.min(warn, life / 5) || one.deployFailure || state === 'failing' || ending
            ? 'WARNING'
            : 'OK';
      rows.push({
        id: one.id,
        level,
        days,
        state,
        names: namesOf(one),
        message: (one.failure ?? one.deployFailure)?.code ?? ending?.message,
      });
    }
    const counts = (['CRITICAL', 'WARNING', 'OK'] as const).map(
      (level) => [level, rows.filter((row) => row.level === level).length] as const,
    );
    const [first = ['OK', 0]] = counts.filter(([, count]) => count > 0);
    worst = { OK: 0, WARNING: 1, CRITICAL: 2 }[first[0]];
    const line = `ACMEX ${first[0]} - ${counts.map(([level, count]) => `${count} ${level.toLowerCase()}`).join(', ')}`;
    const bad = rows.filter(({ level }) => level !== 'OK');
    return {
      text: [line, ...(bad.length > 0 ? [table(bad)] : [])].join('\n'),
      document: { level: first[0], certificates: rows },
      rows,
    };
  });
  return worst;
}
