import type { IssuedCertificate } from '@acmex/certificate';
import { type IssuanceProgress, nameOf } from '@acmex/client';
import { systemClock } from '@acmex/clock';
import { type Fetch, printable } from '@acmex/protocol';
import { called, type CertificateAuthority } from '../certificate-authority.ts';
import type { Reporter } from '../terminal.ts';

/** Says how far it has come. */
export function tell(report: Reporter, progress: IssuanceProgress): void {
  const order = 'order' in progress ? printable(progress.order, 300) : '';
  const name = 'identifier' in progress ? printable(nameOf(progress), 255) : '';
  switch (progress.type) {
    case 'ordered':
    case 'resumed':
      return report.done(
        `order ${order} for ${progress.names} ${progress.names === 1 ? 'name' : 'names'}`,
      );
    case 'order-orphaned':
      return report.warn(
        'an earlier run ended while it made an order, and the CA does not tell which: it may stay there unused until it expires',
      );
    case 'already-valid':
      return report.done(`${name}: validated before`);
    case 'presented':
      return report.working(
        `${name}: waiting until the ${progress.challenge} response can be seen`,
      );
    case 'visible':
      return report.debug(`${name}: ${progress.challenge} response visible`);
    case 'answered':
      report.done(`${name}: ${progress.challenge} response in place, the CA is told`);
      return report.working('the CA looks at it');
    case 'validated':
      return report.done('every name is validated');
    case 'removed':
      return report.debug(`${name}: ${progress.challenge} response taken down`);
    case 'left-on-display':
      return report.warn(
        `${name}: the ${progress.challenge} response could not be taken down: ${printable(String(progress.error))}`,
      );
    case 'finalized':
      return report.working('the CA makes the certificate');
    case 'issued':
      return report.debug(`certificate of ${order} downloaded`);
  }
}

/** Keeps the list of what is on display. */
export function track(display: Set<string>, progress: IssuanceProgress): void {
  if (!('challenge' in progress)) return;
  const what = `the ${progress.challenge} response for ${printable(nameOf(progress), 255)}`;
  if (progress.type === 'presented') display.add(what);
  if (progress.type === 'removed') display.delete(what);
}

/** What came of it. */
export interface Result extends Pick<IssuedCertificate, 'leaf'> {
  readonly authority: CertificateAuthority;
  readonly certificate: string;
  /** Absent where the request came from elsewhere, and its key with it. */
  readonly privateKey?: string | undefined;
  /** Of the managed certificate; absent where nothing keeps it current. */
  readonly id?: string | undefined;
}

export function resultDocument({ leaf, authority, certificate, privateKey, id }: Result): object {
  return {
    id,
    certificate,
    privateKey,
    ca: authority.title,
    directory: authority.directory,
    remark: authority.remark,
    names: leaf.identifiers.map(({ value }) => value),
    issuer: leaf.issuer,
    serialNumber: leaf.serialNumber,
    fingerprint: leaf.fingerprint,
    notBefore: leaf.notBefore.toString(),
    notAfter: leaf.notAfter.toString(),
  };
}

export function resultText({ leaf, authority, certificate, privateKey, id }: Result): string {
  return [
    `names        ${leaf.identifiers.map(({ value }) => value).join(', ')}`,
    `issuer       ${printable(leaf.issuer, 300)}`,
    `valid        ${leaf.notBefore} to ${leaf.notAfter}`,
    `certificate  ${certificate}`,
    ...(privateKey === undefined ? [] : [`private key  ${privateKey}`]),
    ...(id === undefined ? [] : [`kept as      ${id}; acmex renew, by a timer, keeps it current`]),
    `issued by ${called(authority)}`,
  ].join('\n');
}

/** Tells each exchange at the level `debug`: what was asked, what came, how long it took; never a body. */
export function watched(fetch: Fetch, report: Reporter): Fetch {
  return async (url, request) => {
    const start = systemClock.monotonic();
    const answer = await fetch(url, request);
    report.debug(
      `${request.method} ${printable(url, 300)}: ${answer.status} after ${Math.round(systemClock.monotonic() - start)} ms`,
    );
    return answer;
  };
}
