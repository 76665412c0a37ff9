import {
  createDevelopmentAuthority,
  type CrlTimes,
  crlPathOf,
  followAuthority,
  type LoadedAuthority,
  networkValidator,
  noLimits,
  saveAuthority,
  storedCrlTimes,
  tlsProfiles,
  validationResolver,
} from '@acmex/ca';
import { type RunningAcmeServer, serveAcme } from '@acmex/ca/node';
import { systemClock } from '@acmex/clock';
import { addressPolicy, dnsResolver } from '@acmex/egress';
import { errorCode, errorText } from '@acmex/errors';
import { isLoopback } from '@acmex/identifier';
import { configuredCrypto } from '@acmex/manager/crypto';
import { dnsAccountDrafts, dnsPersistDrafts } from '@acmex/protocol/drafts';
import { memoryStorage, type Storage } from '@acmex/storage';
import { CliError } from '../errors.ts';
import { readKeyFile } from '../key-file.ts';
import { configureAgain, openServiceLog, serviceReporter } from '../log/service-log.ts';
import { servedMetrics } from '../program-metrics.ts';
import { readText } from '../read-text.ts';
import { untilStopped } from '../service.ts';
import type { Reporter, Terminal } from '../terminal.ts';
import { waitingFile } from '../whole-file.ts';
import { type ConfiguredOutputOptions, formatResult } from '../output.ts';
import { auditWatch, openServedStorage } from './ca-storage.ts';

export interface ServeOptions extends ConfiguredOutputOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly url?: string;
  readonly repositoryListen?: { readonly host: string; readonly port: number };
  readonly repositoryUrl?: string;
  readonly development?: boolean;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly tlsKeyPassphraseFile?: string;
  readonly dnsResolver?: readonly string[];
  readonly reach?: readonly string[];
  readonly httpPort?: number;
  readonly tlsPort?: number;
  readonly eabRequired?: boolean;
  readonly caa?: string;
  readonly challengeDraft?: readonly string[];
  readonly ocsp?: boolean;
  readonly terms?: string;
  readonly admin?: boolean;
  readonly adminKeyFile?: string;
  readonly rootCertificate?: string;
}

/** `acmex ca serve`: runs an ACME server until the terminal's signal aborts. */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<void> {
  const { stdout, clock = systemClock } = terminal;
  checkCombination(options);
  await using serviceLog = openServiceLog(terminal, { ...options, package: '@acmex/ca' });
  const report = await serviceReporter(terminal, options, serviceLog);
  try {
    await using metrics = await servedMetrics(options.configuration.values, clock);
    await using storage = metrics.watchStorage(
      options.development ? memoryStorage() : await openServedStorage(options, terminal, report),
    );
    const presentAuthority = await authorityOf(storage, options, { terminal, report });
    const authority = await presentAuthority();
    metrics.addStorage(storage);
    await using server = await serveAcme(
      {
        storage,
        issuer: authority.issuer,
        presentIssuers: presentAuthority,
        profiles: tlsProfiles,
        validate: terminal.tracing?.watchValidator(validatorOf(options)) ?? validatorOf(options),
        ...metrics.addAuthority(async () => await crlTimes(storage, presentAuthority)),
        ...(await auditWatch(options)),
        // Only this machine uses it.
        ...(options.development ? { rateLimiter: noLimits() } : {}),
        onError: ({ during, correlationId, error }) =>
          report.warn(`${during} failed (${correlationId}): ${errorText(error)}`, {
            ...{ code: errorCode(error), correlationId },
          }),
        admin: await adminOf(options, terminal.env),
        externalAccountRequired: options.eabRequired ?? false,
        ocsp: options.ocsp,
        ...(options.caa === undefined ? {} : { caaIdentities: [options.caa] }),
        ...draftsOf(options),
        ...(options.terms === undefined ? {} : { termsOfService: options.terms }),
      },
      {
        ...options.listen,
        url: options.url,
        tls: await tlsOf(options, terminal),
        repository: repositoryOf(options),
      },
    );
    await metrics.serve((text) => report.done(text));
    const root =
      options.rootCertificate === undefined
        ? undefined
        : await writeRoot(options.rootCertificate, authority.root);
    report.close();
    const document = documentOf(server, authority, root);
    const text = usageText(server.directory, root, options);
    // On one line, for programs that read it while the server runs.
    stdout.write(
      options.output === 'json'
        ? `${JSON.stringify(document)}\n`
        : formatResult({ text, document }, options.output),
    );
    await untilStopped(terminal, async () => configureAgain(serviceLog, options.configuration));
    report.done('stopped');
  } finally {
    report.close();
  }
}

/** Returns where the server is, for programs. */
function documentOf(
  { directory, repositoryUrl }: RunningAcmeServer,
  { issuer, previousIssuers }: LoadedAuthority,
  rootCertificate: string | undefined,
) {
  return {
    directory,
    rootCertificate,
    crl: `${repositoryUrl}${crlPathOf(issuer)}`,
    previousCrls: previousIssuers.map((previous) => `${repositoryUrl}${crlPathOf(previous)}`),
  };
}

/** Returns the times of the revocation list of each issuing certificate, by its number. */
async function crlTimes(
  storage: Storage,
  authority: () => Promise<LoadedAuthority>,
): Promise<ReadonlyMap<string, CrlTimes>> {
  const { issuer, previousIssuers } = await authority();
  const times = new Map<string, CrlTimes>();
  for (const each of [issuer, ...previousIssuers]) {
    const stored = await storedCrlTimes(storage, each);
    if (stored) times.set(String(each.generation ?? 1), stored);
  }
  return times;
}

function checkCombination({ development, httpPort, tlsPort, listen }: ServeOptions): void {
  if (development && !isLoopback(listen.host))
    throw new CliError(
      'ERR_CLI_USAGE',
      'the development CA only listens on this machine: use --listen 127.0.0.1:PORT',
    );
  if (!development && (httpPort !== undefined || tlsPort !== undefined))
    throw new CliError(
      'ERR_CLI_USAGE',
      'validation must use ports 80 and 443, since other ports prove nothing: use --http-port and --tls-port with --development only',
    );
}

/**
 * Returns where the CRL and the issuing certificate are served over plain http: on the port that
 * goes with that of the ACME server.
 */
function repositoryOf({ development, listen, repositoryListen, repositoryUrl: url }: ServeOptions) {
  if (development && !repositoryListen) return undefined;
  const ports: Readonly<Record<number, number>> = { 0: 0, 443: 80, 65_535: 0 };
  const port = ports[listen.port] ?? listen.port + 1;
  return { ...(repositoryListen ?? { host: listen.host, port }), url };
}

/** Returns a function that returns the current CA, also after replace-issuing. */
async function authorityOf(
  storage: Storage,
  { development, configuration }: ServeOptions,
  { terminal, report }: { readonly terminal: Terminal; readonly report: Reporter },
): Promise<() => Promise<LoadedAuthority>> {
  if (development) await saveAuthority(storage, await createDevelopmentAuthority());
  return await followAuthority(storage, {
    kind: development ? 'development' : 'private',
    backend: configuredCrypto(configuration, terminal.env),
    onUnusableIssuer: (error) => report.warn(errorText(error)),
    onError: (error) =>
      report.warn(
        `the new issuing certificate cannot be used, so the earlier one still issues: ${errorText(error)}; restart acmex ca serve with a configuration that can use its key`,
      ),
  });
}

/**
 * Returns a validator that resolves names by DNS; that of the development CA connects to this
 * machine for every name.
 */
function validatorOf({
  development,
  dnsResolver: servers,
  reach = [],
  httpPort = 80,
  tlsPort = 443,
  caa,
}: ServeOptions) {
  if (development) {
    const egress = {
      policy: addressPolicy({ allow: ['127.0.0.0/8', '::1/128'] }),
      resolver: async () => ['127.0.0.1'],
    };
    return networkValidator({
      egress,
      ports: { http: httpPort, https: tlsPort },
      ...(servers ? { resolver: validationResolver({ servers }) } : {}),
    });
  }
  const egress = {
    policy: addressPolicy({ allow: reach }),
    ...(servers ? { resolver: dnsResolver({ servers }) } : {}),
  };
  return networkValidator({
    egress,
    resolver: validationResolver(servers ? { servers } : {}),
    ...(caa === undefined ? {} : { caaIdentity: caa }),
  });
}

/**
 * Returns the challenges of drafts that flags name.
 * @throws CliError `ERR_CLI_USAGE` for an unknown draft, and for two of one challenge
 */
function draftsOf({ challengeDraft: named = [], caa }: ServeOptions) {
  const [account, persist] = [
    dnsAccountDrafts.find((draft) => named.includes(draft)),
    dnsPersistDrafts.find((draft) => named.includes(draft)),
  ];
  const wrong = named.find((draft) => draft !== account && draft !== persist);
  if (wrong !== undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      `--challenge-draft "${wrong}" is unknown, or a second draft of the same challenge: use at most one of ${dnsAccountDrafts.join(', ')}, and one of ${dnsPersistDrafts.join(', ')}`,
    );
  if (persist && caa === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'records of dns-persist-01 contain the domain of this CA: use --caa',
    );
  return {
    ...(account ? { dnsAccount01: { draft: account } } : {}),
    ...(persist && caa !== undefined
      ? { dnsPersist01: { draft: persist, issuerDomainNames: [caa] } }
      : {}),
  };
}

async function adminOf(
  { admin, adminKeyFile }: ServeOptions,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly key: string } | undefined> {
  if (!admin && adminKeyFile === undefined) return undefined;
  const key =
    adminKeyFile === undefined
      ? env.ACMEX_CA_ADMIN_KEY
      : await readText(adminKeyFile, 'the file of the admin key');
  if (key === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'the list of certificates needs a key: use --admin-key-file or ACMEX_CA_ADMIN_KEY, for example from openssl rand -hex 32',
    );
  return { key: key.trim() };
}

async function tlsOf(
  { tlsCertificate, tlsKey, tlsKeyPassphraseFile: file }: ServeOptions,
  terminal: Terminal,
) {
  if ([tlsCertificate, tlsKey, file].every((option) => option === undefined)) return undefined;
  if (tlsCertificate === undefined || tlsKey === undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      'a TLS certificate and its key belong together: use both --tls-certificate and --tls-key',
    );
  const source = {
    file,
    flag: '--tls-key-passphrase-file',
    variable: 'ACMEX_CA_TLS_KEY_PASSPHRASE',
    what: 'the key',
  };
  return {
    certificate: await readText(tlsCertificate, 'the certificate'),
    key: Buffer.from(await readKeyFile(tlsKey, source, terminal)).toString(),
  };
}

/** Writes the root certificate for clients, over an existing file. */
async function writeRoot(path: string, root: string): Promise<string> {
  await using file = await waitingFile(path, 0o644);
  await file.commit(root);
  return path;
}

function usageText(
  directory: string,
  root: string | undefined,
  { development, httpPort }: ServeOptions,
): string {
  const trust = root === undefined ? '' : ` --ca-certificate ${root}`;
  const port = development && httpPort !== undefined ? ` --http-port ${httpPort}` : '';
  const name = development ? 'www.test' : 'www.corp.example';
  return [
    `directory  ${directory}`,
    `example    acmex obtain -d ${name} --server ${directory}${trust}${port}`,
  ].join('\n');
}
