import { dirname } from 'node:path';
import { type Clock, type DurationInput, milliseconds, systemClock } from '@acmex/clock';
import {
  DeployError,
  type DeployTarget,
  serialNumberIn,
  type TargetCallOptions,
} from '@acmex/deploy';
import { printable, withoutPrivateKeys } from '@acmex/errors';
import { isLoopback, parseHostPort } from '@acmex/identifier';
import type { ServerFile } from './certificate-files.ts';
import { type RuntimeApi, runtimeApi, type RuntimeApiAddress } from './runtime-api.ts';
import { serverTarget } from './server-target.ts';

export interface HaproxyOptions {
  /**
   * The file with certificate, chain and key, as HAProxy names it after `crt`, or in a folder that it
   * names; `{name}` is replaced by the name of the certificate. That of a second key is beside it:
   * `site-rsa.pem`. Absolute.
   */
  readonly path: string;
  /**
   * The stats socket, with `level admin`: a path, or HOST:PORT of this machine;
   * `/run/haproxy/admin.sock` by default.
   */
  readonly socket?: string | undefined;
  /** How long a deployment waits for a transaction of another certificate; 10 seconds by default. */
  readonly patience?: DurationInput | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Deploys certificates to HAProxy on this machine by its runtime API, without a reload. The file is
 * written too, so that a restart has the same certificate. A certificate that is new to a folder of
 * a `bind` line is added there.
 * @see https://docs.haproxy.org/2.6/management.html#9.3-set%20ssl%20cert
 * @throws RangeError for a path that cannot be a word of a command, or a socket elsewhere
 */
export function haproxy({
  path,
  socket = '/run/haproxy/admin.sock',
  patience = 'PT10S',
  clock = systemClock,
}: HaproxyOptions): DeployTarget {
  if (!/^\/[\w./{}@+,:=-]+$/.test(path))
    throw new RangeError(
      `${JSON.stringify(path)} is not an absolute path of letters, digits and . _ - : write it as /etc/haproxy/certs/{name}.pem`,
    );
  const place: HaproxyPlace = {
    api: runtimeApi({ address: addressOf(socket), clock }),
    patience,
    clock,
  };
  return serverTarget({
    name: 'haproxy',
    paths: { combinedPath: path },
    async check(files, call) {
      const certificates = presentIn(files);
      for (const certificate of certificates) {
        await setCertificate(place, certificate, call);
        // Only one transaction can be open.
        if (certificates.length > 1) await abortCertificate(place, certificate, call);
      }
    },
    async load(files, call) {
      const certificates = presentIn(files);
      for (const certificate of certificates) {
        if (certificates.length > 1) await setCertificate(place, certificate, call);
        await commitCertificate(place, certificate, call);
      }
      for (const { path: file, content } of files)
        if (!content) await deleteCertificate(place, file, call);
    },
  });
}

interface HaproxyPlace {
  readonly api: RuntimeApi;
  readonly patience: DurationInput;
  readonly clock: Clock;
}

interface CertificateFile {
  readonly file: string;
  readonly pem: string;
}

/** @throws RangeError */
function addressOf(socket: string): RuntimeApiAddress {
  if (socket.startsWith('/')) return { path: socket };
  const address = parseHostPort(socket);
  if (address && isLoopback(address.host)) return address;
  throw new RangeError(
    `${JSON.stringify(socket)} is neither the path of a socket nor HOST:PORT of this machine: keys are sent to it in clear text`,
  );
}

/** Returns the files that are not removed. */
function presentIn(files: readonly ServerFile[]): readonly CertificateFile[] {
  return files.flatMap(({ path: file, content }) =>
    content ? [{ file, pem: Buffer.from(content).toString() }] : [],
  );
}

async function abortCertificate(
  { api }: HaproxyPlace,
  { file }: CertificateFile,
  call: TargetCallOptions,
): Promise<void> {
  await expect(api, `abort ssl cert ${file}`, /aborted/, call);
}

/** Gives HAProxy the certificate in a transaction, which `commitCertificate` ends. */
async function setCertificate(
  place: HaproxyPlace,
  { file, pem }: CertificateFile,
  call: TargetCallOptions,
): Promise<void> {
  const { api } = place;
  const { names } = await withoutTransaction(place, file, call);
  const isNew = !names.includes(file);
  if (isNew) {
    if ((await listOf(api, file, call)) === undefined)
      throw refused(
        `no bind line names ${file} or its folder`,
        `write "crt ${file}" or "crt ${dirname(file)}" on one, and reload HAProxy`,
      );
    await expect(api, `new ssl cert ${file}`, /^New empty certificate store/, call);
  }
  // An empty line ends what is sent.
  const payload = pem.split(/\r?\n/).filter((line) => line.trim() !== '');
  const answer = await api(`set ssl cert ${file} <<\n${payload.join('\n')}\n`, call);
  const [, changed] = /^Transaction (?:created|updated) for certificate (\S+)!/.exec(answer) ?? [];
  if (changed === file) return;
  // HAProxy 2.6 puts a certificate into whatever transaction is open.
  await api(`abort ssl cert ${changed ?? file}`, call);
  if (isNew) await api(`del ssl cert ${file}`, call);
  throw refused(`set ssl cert ${file} failed`, quoted(answer));
}

/** Puts the certificate of the transaction in use, and looks whether HAProxy has it. */
async function commitCertificate(
  { api }: HaproxyPlace,
  { file, pem }: CertificateFile,
  call: TargetCallOptions,
): Promise<void> {
  const answer = await api(`commit ssl cert ${file}`, call);
  if (!/^Success!/m.test(answer)) {
    await api(`abort ssl cert ${file}`, call);
    throw refused(`commit ssl cert ${file} failed`, quoted(answer));
  }
  if ((await fieldsOf(api, file, call)).status === 'Unused') {
    const list = await listOf(api, file, call);
    if (list !== undefined)
      await expect(api, `add ssl crt-list ${list} ${file}`, /^Success!/m, call);
  }
  const { status, serial } = await fieldsOf(api, file, call);
  if (status === 'Used' && sameSerial(serial, serialNumberIn(pem))) return;
  throw refused(
    `${file} is not in use after the commit`,
    `its status is ${quoted(status)}, its serial number ${quoted(serial)}`,
  );
}

/** Removes a certificate that was added to a folder. */
async function deleteCertificate(
  { api }: HaproxyPlace,
  file: string,
  call: TargetCallOptions,
): Promise<void> {
  const { names } = await certificates(api, call);
  if (!names.includes(file)) return;
  const list = await listOf(api, file, call);
  if (list !== undefined && (await fieldsOf(api, file, call)).status === 'Used')
    await expect(api, `del ssl crt-list ${list} ${file}`, /deleted in crtlist/, call);
  await expect(api, `del ssl cert ${file}`, /deleted!/, call);
}

/** Waits until no transaction is open, except one about this file that an earlier process left. */
async function withoutTransaction(
  { api, patience, clock }: HaproxyPlace,
  file: string,
  call: TargetCallOptions,
): Promise<{ readonly names: readonly string[] }> {
  const end = clock.monotonic() + milliseconds(patience);
  for (;;) {
    const { names, transaction = file } = await certificates(api, call);
    if (transaction === file) return { names };
    if (clock.monotonic() > end)
      throw refused(
        `a transaction for ${printable(transaction)} is open`,
        `end it with commit ssl cert or abort ssl cert`,
      );
    await clock.sleep({ milliseconds: 200 }, call);
  }
}

/** Returns the files that HAProxy has, and the one whose transaction is open. */
async function certificates(api: RuntimeApi, call: TargetCallOptions) {
  const lines = (await api('show ssl cert', call)).split('\n').map((line) => line.trim());
  return {
    names: lines.filter((line) => line.startsWith('/')),
    transaction: lines.find((line) => line.startsWith('*'))?.slice(1),
  };
}

/** Returns the folder of a file as a bind line names it; undefined where none does. */
async function listOf(
  api: RuntimeApi,
  file: string,
  call: TargetCallOptions,
): Promise<string | undefined> {
  const lists = (await api('show ssl crt-list', call)).split('\n').map((line) => line.trim());
  return lists.find((list) => list !== '' && list.replace(/\/+$/, '') === dirname(file));
}

async function fieldsOf(api: RuntimeApi, file: string, call: TargetCallOptions) {
  const answer = await api(`show ssl cert ${file}`, call);
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(answer)?.[1]?.trim();
  return { status: field('Status') ?? '', serial: field('Serial') ?? '' };
}

function sameSerial(serial: string, serialNumber = ''): boolean {
  const plain = (text: string) => text.toLowerCase().replace(/^0+/, '');
  return plain(serial) === plain(serialNumber);
}

async function expect(
  api: RuntimeApi,
  command: string,
  expected: RegExp,
  call: TargetCallOptions,
): Promise<void> {
  const answer = await api(command, call);
  if (!expected.test(answer)) throw refused(`${command} failed`, quoted(answer));
}

function refused(problem: string, cure: string): DeployError {
  return new DeployError('ERR_DEPLOY_REFUSED', `${problem}: ${cure}`);
}

function quoted(answer: string): string {
  return JSON.stringify(printable(withoutPrivateKeys(answer), 300));
}
