import { homedir, hostname, networkInterfaces, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { createAuthority, type Issuer, issuerOf, serverCertificate } from '@acmex/ca';
import { webcrypto } from '@acmex/certificate';
import { type Clock, systemClock } from '@acmex/clock';
import { errorCode } from '@acmex/errors';
import { identifier, identifiers } from '@acmex/identifier';
import { readNewest, type StoredAuthority, writeNew, writeRoot } from './authority-file.ts';
import { authorityName } from './authority-name.ts';
import { LocalCaError } from './errors.ts';

export interface LocalCaOptions {
  /**
   * The folder of the CA. By default one of the user: `~/.local/share/acmex/local-ca`, on macOS
   * `~/Library/Application Support/acmex/local-ca`, on Windows `AppData\Local\acmex\local-ca` in the
   * home folder.
   */
  readonly path?: string | undefined;
  /** The home folder; by default that of the user of this process. */
  readonly home?: string | undefined;
  readonly clock?: Clock | undefined;
  /** Returns the addresses of the machine; by default those of its network interfaces. */
  readonly addresses?: (() => readonly string[]) | undefined;
}

/** A certificate with its key, as `node:tls` takes them. */
export interface LocalCertificate {
  /** PEM: the leaf first, without the root. */
  readonly cert: string;
  /** PKCS#8 PEM. */
  readonly key: string;
  /** In canonical form, in the order of the certificate. */
  readonly names: readonly string[];
  /** In milliseconds since 1970. */
  readonly notAfter: number;
}

/** The CA of one user on one machine, for certificates that only clients on it trust. */
export interface LocalCa {
  readonly path: string;
  /** PEM file of the root certificate, for stores of trusted certificates. */
  readonly rootFile: string;
  /** PEM */
  readonly root: string;
  /** The end of the root, in milliseconds since 1970. */
  readonly notAfter: number;
  /**
   * Whether this call made it: the first CA of the folder, or a new one because the earlier one is
   * near its end. In both cases no client trusts it before `acmex trust` has run.
   */
  readonly made: 'earlier' | 'first' | 'again';
  /**
   * Returns `localhost`, `*.localhost`, `127.0.0.1`, `::1` and the loopback, private and link-local
   * addresses that the machine has now.
   */
  usualNames(): readonly string[];
  /**
   * Issues a certificate for 30 days, of which nothing is stored.
   *
   * @param names localhost, names below it, and loopback, private and link-local addresses; by
   * default `usualNames()`
   * @throws LocalCaError `ERR_LOCAL_CA_NAME`, `ERR_LOCAL_CA_EXPIRED`
   */
  issue(names?: readonly string[]): Promise<LocalCertificate>;
}

/** The longest that a root is accepted which people have made. https://support.apple.com/103769 */
const rootDays = 825;
const leafDays = 30;
const dayMs = 86_400_000;
/**
 * A machine has another address in each network, and a root that names its addresses would need new
 * trust each time. So the root permits all addresses that are used within networks only. RFC 1122
 * §3.2.1.3, RFC 1918, RFC 3927, RFC 4193, RFC 4291
 */
const constraints = {
  domains: ['localhost'],
  addresses: [
    ...['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'],
    ...['::1/128', 'fc00::/7', 'fe80::/10'],
  ],
};

/**
 * Returns the local CA of the user. Makes it where there is none, and makes a new one 30 days before
 * the end of the root. Any number of processes that start at once make one.
 * @throws LocalCaError `ERR_LOCAL_CA_FILE`, `ERR_LOCAL_CA_UNSAFE`, `ERR_LOCAL_CA_DAMAGED`
 */
export async function localCa(options: LocalCaOptions = {}): Promise<LocalCa> {
  const { clock = systemClock } = options;
  const path = pathOf(options);
  const earlier = await readNewest(path);
  if (earlier && hasLeft(earlier, clock)) return await opened(path, earlier, options);
  const number = (earlier?.number ?? 0) + 1;
  const isMade = await writeNew(path, { number, authority: await newAuthority(clock) });
  const newest = await readNewest(path);
  if (!newest)
    throw new LocalCaError(
      'ERR_LOCAL_CA_FILE',
      `${path} was removed while the local CA was made there: start again`,
    );
  const again = number === 1 ? 'first' : 'again';
  return await opened(path, newest, { ...options, made: isMade ? again : 'earlier' });
}

/**
 * Returns the local CA of the user, also when it has expired; undefined where there is none.
 * @throws LocalCaError as `localCa`
 */
export async function storedLocalCa(options: LocalCaOptions = {}): Promise<LocalCa | undefined> {
  const path = pathOf(options);
  const stored = await readNewest(path);
  return stored && (await opened(path, stored, options));
}

function pathOf({ path, home = homedir() }: LocalCaOptions): string {
  const places: Partial<Record<NodeJS.Platform, readonly string[]>> = {
    darwin: ['Library', 'Application Support'],
    win32: ['AppData', 'Local'],
  };
  const place = places[process.platform] ?? ['.local', 'share'];
  return resolve(path ?? join(home, ...place, 'acmex', 'local-ca'));
}

/** Whether a certificate of full length would end before the root. */
function hasLeft({ root }: StoredAuthority, clock: Clock): boolean {
  return root.notAfter.epochMilliseconds - clock.now().epochMilliseconds >= leafDays * dayMs;
}

async function newAuthority(clock: Clock) {
  return await createAuthority({
    name: authorityName({ user: userName(), host: hostname() }),
    constraints,
    // With a key from here, the CA returns none: that of the root is forgotten and signs no more.
    rootKey: await webcrypto().generate('ec-p256'),
    ...{ keyType: 'ec-p256', rootDays, issuingDays: rootDays, clock },
  });
}

/** A container may run as a number that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? ''}`.trim();
  }
}

async function opened(
  path: string,
  authority: StoredAuthority,
  {
    clock = systemClock,
    addresses = machineAddresses,
    made = 'earlier',
  }: LocalCaOptions & Partial<Pick<LocalCa, 'made'>>,
): Promise<LocalCa> {
  const { root } = authority;
  const rootFile = join(path, 'root.pem');
  // A process may have ended before it wrote that.
  await writeRoot(rootFile, authority);
  return {
    ...{ path, rootFile, root: root.pem, notAfter: root.notAfter.epochMilliseconds, made },
    usualNames: () => usualNames(issuerFrom(authority, clock), addresses()),
    async issue(names) {
      const issuer = issuerFrom(authority, clock);
      const wanted = names ? namesOf(names) : usualNames(issuer, addresses());
      return await issued(issuer, { names: wanted, clock });
    },
  };
}

/** @throws LocalCaError `ERR_LOCAL_CA_EXPIRED` */
function issuerFrom({ issuing, key }: StoredAuthority, clock: Clock): Issuer {
  if (issuing.notAfter.epochMilliseconds > clock.now().epochMilliseconds)
    return issuerOf({ chain: issuing.pem, key, clock });
  throw new LocalCaError(
    'ERR_LOCAL_CA_EXPIRED',
    `the local CA has expired at ${issuing.notAfter}: start a program in development mode, which makes a new one, and run acmex trust`,
  );
}

function usualNames(issuer: Issuer, addresses: readonly string[]): readonly string[] {
  const permitted = addresses.filter((address) => issuer.permits(identifier(address)));
  return namesOf(['localhost', '*.localhost', '127.0.0.1', '::1', ...permitted]);
}

async function issued(
  issuer: Issuer,
  { names, clock }: { readonly names: readonly string[]; readonly clock: Clock },
): Promise<LocalCertificate> {
  const validity = { hours: leafDays * 24 };
  try {
    const leaf = await serverCertificate({ issuer, names, validity, clock });
    // Certificates have whole seconds.
    const notAfter = leaf.notAfter.round({ smallestUnit: 'second', roundingMode: 'floor' });
    return {
      ...{ cert: leaf.chain, key: Buffer.from(leaf.key).toString('latin1'), names },
      notAfter: notAfter.epochMilliseconds,
    };
  } catch (cause) {
    if (errorCode(cause) !== 'ERR_CA_CONSTRAINTS') throw cause;
    throw notPermitted(cause);
  }
}

function namesOf(names: readonly string[]): readonly string[] {
  try {
    return identifiers(names).map(({ value }) => value);
  } catch (cause) {
    throw notPermitted(cause);
  }
}

function notPermitted(cause: unknown): LocalCaError {
  return new LocalCaError(
    'ERR_LOCAL_CA_NAME',
    `${(cause as Error).message}; the local CA is for localhost, names below it, and loopback, private and link-local addresses`,
    { cause },
  );
}

function machineAddresses(): readonly string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
  // Some systems add the interface to a link-local address.
  return interfaces.map(({ address }) => address.replace(/%.*/, ''));
}
