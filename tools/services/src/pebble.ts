import { writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { type ChallengeServer, startChallengeServer } from './challenge-server.ts';
import { freePort } from './free-port.ts';
import { localCertificate } from './local-certificate.ts';
import { opened } from './opened.ts';
import { ProgramError, startProgram } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface PebbleOptions {
  /** Percentage of good nonces that it refuses; 0 by default. */
  readonly nonceReject?: number;
  /**
   * Percentage of new authorizations for which Pebble uses a valid one of the account again; 0 by
   * default. Pebble compares a random number of 0 to 99 with it, so 0 is still one in a hundred.
   */
  readonly authorizationReuse?: number;
  /**
   * Key identifiers and their HMAC keys in base64url: an external account binding is then required.
   */
  readonly externalAccounts?: Readonly<Record<string, string>>;
  /** Chains beside the default one; 0 by default. */
  readonly alternateRoots?: number;
  /** Intermediates in a chain; 1 by default. */
  readonly chainLength?: number;
  /** Domains that it never issues for, nor for what is below them. */
  readonly blockedDomains?: readonly string[];
  /** Seconds that a validation may sleep at most, at random; not at all by default. */
  readonly sleep?: number;
  readonly strict?: boolean;
  readonly ordersPerPage?: number;
  /** How long its certificates are valid; five years by default. */
  readonly validitySeconds?: number;
  /** Where it looks for http-01 and tls-alpn-01; free ports by default. */
  readonly httpPort?: number;
  readonly tlsPort?: number;
  /**
   * `host:port` of the name server that it asks; by default one of its own, in which every name is
   * 127.0.0.1.
   */
  readonly dnsServer?: string;
  /**
   * What answers on `httpPort`: a solver of the test (the default), or the responses of
   * `challenges.addHttp01`.
   */
  readonly http01?: 'test' | 'challtestsrv';
}

/** A Pebble with a DNS of its own, in which every name has the address 127.0.0.1. */
export interface Pebble extends AsyncDisposable {
  readonly port: number;
  /** The URL of the ACME directory. */
  readonly directory: string;
  /**
   * The CA of Pebble's own https, PEM; also in `caFile`. It has nothing to do with what Pebble
   * issues.
   */
  readonly caCertificate: string;
  readonly caFile: string;
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly managementUrl: string;
  /** The root, or the issuing intermediate, of chain `n` (0: the default chain), PEM. */
  rootCertificate(n?: number): Promise<string>;
  intermediateCertificate(n?: number): Promise<string>;
  readonly challenges: ChallengeServer;
  readonly pid: number;
  log(): string;
}

/**
 * Starts Pebble and pebble-challtestsrv on free ports of 127.0.0.1. One Pebble serves 500 issuances
 * at most: it slows with age.
 * @throws ProgramError with the log when it does not start
 */
export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(options);
    } catch (error) {
      const portTaken =
        error instanceof ProgramError && error.log.includes('address already in use');
      if (!portTaken || attempt === 5) throw error;
    }
  }
}

async function start(options: PebbleOptions): Promise<Pebble> {
  const resources = opened();
  try {
    const [port, managementPort, httpPort, tlsPort] = await Promise.all([
      freePort(),
      freePort(),
      options.httpPort ?? freePort(),
      options.tlsPort ?? freePort(),
    ]);
    const folder = resources.use(await temporaryFolder('pebble'));
    const challenges = resources.use(
      await startChallengeServer(options.http01 === 'challtestsrv' ? { httpPort } : {}),
    );
    const { caCertificate, certificate, privateKey } = await localCertificate();
    const caFile = join(folder.path, 'ca.pem');
    const certificateFile = join(folder.path, 'certificate.pem');
    const keyFile = join(folder.path, 'key.pem');
    const config = join(folder.path, 'pebble.json');
    const places = { port, managementPort, httpPort, tlsPort, certificateFile, keyFile };
    await Promise.all([
      writeFile(caFile, caCertificate),
      writeFile(certificateFile, certificate),
      writeFile(keyFile, privateKey, { mode: 0o600 }),
      writeFile(config, JSON.stringify({ pebble: configuration(options, places) })),
    ]);
    const directory = `https://localhost:${port}/dir`;
    const managementUrl = `https://localhost:${managementPort}`;
    const fetchText = (url: string, signal?: AbortSignal) => httpsText(url, caCertificate, signal);
    const { pid, log } = resources.use(
      await startProgram({
        command: 'pebble',
        args: programArguments(options, config, challenges.dnsAddress),
        env: environment(options),
        ready: (output) => output.includes('ACME directory available'),
        answers: async ({ signal }) =>
          Promise.all([directory, `${managementUrl}/roots/0`].map((url) => fetchText(url, signal))),
      }),
    );
    return {
      port,
      pid,
      log,
      directory,
      caCertificate,
      caFile,
      httpPort,
      tlsPort,
      managementUrl,
      challenges,
      rootCertificate: (n = 0) => fetchText(`${managementUrl}/roots/${n}`),
      intermediateCertificate: (n = 0) => fetchText(`${managementUrl}/intermediates/${n}`),
      [Symbol.asyncDispose]: () => resources.close(),
    };
  } catch (error) {
    await resources.close();
    throw error;
  }
}

function programArguments(
  { strict = true, dnsServer }: PebbleOptions,
  config: string,
  dnsAddress: string,
): string[] {
  return [
    ...(strict ? ['-strict'] : []),
    ...['-config', config, '-dnsserver', dnsServer ?? dnsAddress],
  ];
}

interface Places {
  readonly port: number;
  readonly managementPort: number;
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly certificateFile: string;
  readonly keyFile: string;
}

function configuration(
  { externalAccounts, blockedDomains = [], validitySeconds }: PebbleOptions,
  { port, managementPort, httpPort, tlsPort, certificateFile, keyFile }: Places,
) {
  return {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: certificateFile,
    privateKey: keyFile,
    httpPort,
    tlsPort,
    domainBlocklist: blockedDomains,
    externalAccountBindingRequired: externalAccounts !== undefined,
    externalAccountMACKeys: externalAccounts ?? {},
    ...(validitySeconds === undefined ? {} : { certificateValidityPeriod: validitySeconds }),
  };
}

function environment({
  nonceReject = 0,
  authorizationReuse = 0,
  alternateRoots = 0,
  chainLength = 1,
  ordersPerPage,
  sleep = 0,
}: PebbleOptions): Record<string, string> {
  return {
    PEBBLE_WFE_NONCEREJECT: String(nonceReject),
    PEBBLE_AUTHZREUSE: String(authorizationReuse),
    PEBBLE_ALTERNATE_ROOTS: String(alternateRoots),
    PEBBLE_CHAIN_LENGTH: String(chainLength),
    ...(ordersPerPage === undefined ? {} : { PEBBLE_WFE_ORDERS_PER_PAGE: String(ordersPerPage) }),
    ...(sleep > 0 ? { PEBBLE_VA_SLEEPTIME: String(sleep) } : { PEBBLE_VA_NOSLEEP: '1' }),
  };
}

/** What is at the URL; Node.js 20's own fetch takes no further CA. */
function httpsText(url: string, ca: string, signal?: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { ca, signal, agent: false }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url} answered ${answer.statusCode}`));
      text(answer).then(resolve, reject);
    }).once('error', reject);
  });
}
