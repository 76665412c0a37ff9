import { randomBytes } from 'node:crypto';
import {
  type Check,
  checkCaaRecords,
  checkDnssec,
  checkHttp01,
  checkNameServers,
  checkRecordPlace,
  checkTlsAlpn01,
  type Finding,
  type Observation,
  type PortCheckOptions,
  portHolder,
  tryRecord,
} from '@acmex/check';
import type { ChallengeSolver, ChallengeToSolve, NameToProve } from '@acmex/client';
import { type CaaLookUp, type DnsProvider, findZone, followAliases } from '@acmex/dns';
import { printable } from '@acmex/errors';
import { persistentRecordName } from '@acmex/protocol/drafts';
import { type ChallengeConfig, resolveChallenge } from './challenge-config.ts';
import type { CheckedCertificate } from './checked-certificate.ts';
import { type CheckContext, once } from './checking-context.ts';
import { findingsOf, subjectOf, validNames } from './checking-spec.ts';
import { openedOnce } from './dns-by-name.ts';
import { namesToProve } from './preconditions.ts';
import { savedCredentials } from './saved-credentials.ts';
import { propagationOptions, resolverAddresses } from './solver.ts';

/** What the checks of one certificate's validation share. */
interface Validation {
  readonly certificate: CheckedCertificate;
  readonly config: ChallengeConfig;
  readonly context: CheckContext;
  readonly servers: () => Promise<readonly string[] | undefined>;
  readonly lookUp: () => Promise<CaaLookUp>;
  /** The solver, when it was made sure that it can show responses from here. */
  readonly readySolver: () => Promise<ChallengeSolver>;
}

/** Returns the checks of how the names of a certificate are validated. */
export function challengeChecks(
  certificate: CheckedCertificate,
  context: CheckContext,
): readonly Check[] {
  const { settings, options } = context;
  const config = resolveChallenge(certificate.proof, settings.challenge);
  const names = namesToProve(validNames(certificate).map(({ value }) => value));
  const servers = once(async () => await resolverAddresses(config));
  const validation: Validation = {
    certificate,
    config,
    context,
    servers,
    lookUp: once(async () => {
      const addresses = await servers();
      return context.lookUpAt(addresses);
    }),
    readySolver: once(async () => {
      const { proof, issuer } = certificate;
      const values = names.map(textOf);
      const solver = await settings.solverOf(proof, issuer, values);
      await solver.check?.(names.filter(isValidatedBy(solver)), { signal: options.signal });
      return solver;
    }),
  };
  const isByRecord = config.challenge.startsWith('dns-');
  return [
    {
      kind: isByRecord ? 'credentials' : 'challenge',
      subject: subjectOf(certificate),
      run: async (signal) => await checkSolver(validation, signal),
    },
    ...names.flatMap((name) => nameChecks(name, validation)),
  ];
}

function textOf({ identifier, wildcard }: NameToProve): string {
  return wildcard ? `*.${identifier.value}` : identifier.value;
}

/** A name that the challenge does not fit is reported with the names. */
function isValidatedBy(solver: ChallengeSolver): (name: NameToProve) => boolean {
  return ({ identifier, wildcard }) => solver.supports(identifier, wildcard);
}

function nameChecks(name: NameToProve, validation: Validation): readonly Check[] {
  const { config } = validation;
  const subject = printable(textOf(name), 255);
  const isDomain = name.identifier.type === 'dns';
  const dnssec = once(async () => await signatures(name, validation));
  const check = (kind: Check['kind'], run: Check['run']): Check => ({ kind, subject, run });
  /** A bogus zone is the cause of all look-ups that fail. */
  const unlessBogus =
    (run: Check['run']): Check['run'] =>
    async (signal) => {
      const isBogus = isDomain && (await dnssec().then(isNever, isAlways));
      return isBogus ? { skipped: 'its zone is bogus' } : await run(signal);
    };
  const byPort = config.challenge === 'http-01' || config.challenge === 'tls-alpn-01';
  return [
    ...(isDomain
      ? [
          check('dnssec', async () => await dnssec()),
          check(
            'caa',
            unlessBogus(async (signal) => await checkCaa(name, validation, signal)),
          ),
        ]
      : []),
    ...(isDomain && !byPort
      ? [
          check(
            'zone',
            unlessBogus(async (signal) => await zoneOf(name, validation, signal)),
          ),
        ]
      : []),
    ...(byPort && !name.wildcard
      ? [
          check(
            config.challenge === 'http-01' ? 'http' : 'tls',
            unlessBogus(async (signal) => await checkPort(name, validation, signal)),
          ),
        ]
      : []),
  ];
}

const isAlways = () => true;
const isNever = () => false;

/** The name of the record that a CA looks up, and the name itself for challenges without one. */
function recordOf({ identifier }: NameToProve, { challenge }: ChallengeConfig): string {
  if (challenge === 'dns-01') return `_acme-challenge.${identifier.value}`;
  return challenge === 'dns-persist-01' ? persistentRecordName(identifier.value) : identifier.value;
}

async function signatures(name: NameToProve, validation: Validation): Promise<Observation> {
  const { context, servers, config } = validation;
  const { signal = new AbortController().signal } = context.options;
  const [server] = (await servers()) ?? [];
  return await checkDnssec(recordOf(name, config), {
    clock: context.settings.clock,
    server,
    signal,
  });
}

async function checkCaa(
  { identifier, wildcard }: NameToProve,
  { certificate, config, context, lookUp: lookUpOf }: Validation,
  signal: AbortSignal,
): Promise<Observation> {
  const issuer = context.issuer(certificate.issuer);
  const seen = await issuer.seen();
  if (!seen) return { skipped: 'the directory of the CA was not read' };
  return await checkCaaRecords(
    {
      domain: identifier.value,
      wildcard,
      challenge: config.challenge,
      issuerDomains: seen.meta.caaIdentities,
      accountUrl: await issuer.accountUrl(),
    },
    { lookUp: await lookUpOf(), signal },
  );
}

async function zoneOf(
  name: NameToProve,
  { config, context, lookUp: lookUpOf }: Validation,
  signal: AbortSignal,
): Promise<Observation> {
  const { network, ipv6, settings } = context;
  const options = {
    lookUp: await lookUpOf(),
    lookUpAt: network.lookUpAt,
    clock: settings.clock,
    ipv6,
    mayConnect: context.options.mayConnect,
    signal,
  };
  const { zone, findings, saw } = await checkRecordPlace(recordOf(name, config), options);
  // Many names are in one zone, and each has its own record.
  const isFirst = context.firstOf(`zone ${zone}`);
  const ofServers = isFirst ? await checkNameServers(zone, options) : [];
  return { findings: [...findings, ...ofServers], saw };
}

/** Shows a made-up response, and asks for it as a CA does. */
async function checkPort(
  { identifier, wildcard }: NameToProve,
  { certificate, context, lookUp: lookUpOf, readySolver }: Validation,
  signal: AbortSignal,
): Promise<Observation> {
  const solver = await readySolver().catch(() => undefined);
  if (!solver) return { skipped: 'no response can be shown from here' };
  const { settings, network, ipv6 } = context;
  const options: PortCheckOptions = {
    lookUp: await lookUpOf(),
    policy: await context.policyFor(certificate.issuer),
    mayConnect: context.options.mayConnect,
    ipv6,
    clock: settings.clock,
    ports: network.ports,
    limit: network.answerLimit,
    signal,
  };
  const challenge = inventedChallenge(solver.type, { identifier, wildcard });
  const response = await solver.respond(challenge, { signal });
  try {
    await solver.present(response, { signal });
    const ask = async () =>
      solver.type === 'http-01'
        ? await checkHttp01(challenge, options)
        : await checkTlsAlpn01({ identifier, digest: String(response.digest) }, options);
    const seen = await ask();
    if (!isConnectionLost(seen)) return seen;
    // A different process may have had the port, and may have closed it: then it is opened here.
    await solver.visible(response, { signal });
    return await ask();
  } finally {
    await solver.remove(response);
  }
}

const lostConnections: ReadonlySet<string> = new Set([
  'ERR_CHECK_PORT_REFUSED',
  'ERR_CHECK_PORT_UNREACHABLE',
  'ERR_CHECK_HTTP_ANSWER',
  'ERR_CHECK_TLS_ALPN',
]);

function isConnectionLost(seen: Observation): boolean {
  return 'findings' in seen && seen.findings.some(({ code }) => lostConnections.has(code));
}

function inventedChallenge(type: string, name: NameToProve): ChallengeToSolve {
  const [token, thumbprint] = [randomBytes(24), randomBytes(32)].map((bytes) =>
    bytes.toString('base64url'),
  ) as [string, string];
  return {
    type,
    ...name,
    token,
    keyAuthorization: `${token}.${thumbprint}`,
    account: { url: '', thumbprint },
    members: {},
    meta: {},
  };
}

async function checkSolver(validation: Validation, signal: AbortSignal): Promise<Observation> {
  const { config, context } = validation;
  const findings = await shownFindings(validation);
  if (findings.length > 0) return { findings };
  if (config.challenge === 'dns-persist-01')
    return { skipped: 'its record is checked by acmex dns persist --check' };
  if (config.challenge !== 'dns-01' && config.challenge !== 'dns-account-01')
    return { findings, saw: 'a response was shown on this machine, and removed' };
  if (!context.options.writesRecords) return await askedProviders(validation, signal);
  const zones = await writtenZones(validation, signal);
  if (zones.length === 0) return { skipped: 'a person writes the records' };
  return { findings, saw: `records were written and removed in ${zones.join(', ')}` };
}

/** What prevents a response from being shown, with the process that has its port. */
async function shownFindings({
  certificate,
  config,
  context,
  readySolver,
}: Validation): Promise<readonly Finding[]> {
  const subject = subjectOf(certificate);
  const { challenge, webroot, httpPort = 80, tlsPort = 443 } = config;
  const isInWebroot = challenge === 'http-01' && webroot !== undefined;
  const ofPath = isInWebroot ? await context.options.findingsOfPath?.(webroot, subject) : [];
  const ofSolver = await findingsOf(subject, async () => {
    await readySolver();
  });
  const port = challenge === 'http-01' ? httpPort : tlsPort;
  const named = ofSolver.map(async (seen) => {
    if (seen.code !== 'ERR_CHALLENGE_PORT_IN_USE') return seen;
    const holder = await portHolder(port);
    return holder === undefined ? seen : { ...seen, saw: `${seen.saw}; ${holder} has it` };
  });
  return [...(ofPath ?? []), ...(await Promise.all(named))];
}

/** Tries the credentials of each provider without a change. */
async function askedProviders(validation: Validation, signal: AbortSignal): Promise<Observation> {
  const lookUp = await validation.lookUp();
  const tried = new Set<string>();
  const untried = new Set<string>();
  for (const { domain, name, provider } of await openedProviders(validation)) {
    const isZoneKnown = provider?.zoneOf !== undefined || provider?.zones !== undefined;
    if (!provider) untried.add(`a person writes the records (${name})`);
    else if (!isZoneKnown && !provider.tryCredentials)
      untried.add(`${name} accepts credentials only with a record: use --write`);
    else {
      const record =
        validation.config.challenge === 'dns-01' ? `_acme-challenge.${domain}` : domain;
      const target = await followAliases(record, lookUp, { signal });
      const zone = await findZone(target, { lookUp, provider }, { signal });
      if (!isZoneKnown) await provider.tryCredentials?.(zone, { signal });
      tried.add(isZoneKnown ? `${name} has the zones` : `${name} accepts the credentials`);
    }
  }
  if (tried.size === 0)
    return { skipped: [...untried].join(', ') || 'no name can be validated by a record' };
  return { findings: [], saw: [...tried, ...untried].join(', ') };
}

/** A name, and who writes its records: `provider` is absent where a person does. */
interface OpenedProvider {
  readonly domain: string;
  readonly name: string;
  readonly provider: DnsProvider | undefined;
}

/** Opens the provider of each name that is proven. */
async function openedProviders({
  certificate,
  config,
  context,
}: Validation): Promise<readonly OpenedProvider[]> {
  const { dnsProviders, storage } = context.settings;
  const { challenge, dnsProvider, dnsVariables: variables, dnsEnv: environmentNames } = config;
  const type = challenge === 'dns-account-01' ? challenge : 'dns-01';
  const { lookUp } = await propagationOptions(config);
  const credentials = await savedCredentials(storage);
  const open = openedOnce(
    async (name) =>
      await dnsProviders?.open(name, { variables, environmentNames, credentials, lookUp }),
  );
  const opened: OpenedProvider[] = [];
  for (const proven of namesToProve(validNames(certificate).map(({ value }) => value))) {
    const { type: kind, value: domain } = proven.identifier;
    // An address that no record can prove is reported with the names.
    if (kind !== 'dns') continue;
    const name = dnsProviders?.choose(textOf(proven), { provider: dnsProvider, type }) ?? '';
    const isAttended = dnsProviders?.isAttended?.(name) ?? false;
    opened.push({ domain, name, provider: isAttended ? undefined : await open(name) });
  }
  return opened;
}

/**
 * Writes records in each zone, and removes them.
 * @returns the zones; those of a person are not among them
 */
async function writtenZones(
  validation: Validation,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { config, context } = validation;
  const { lookUp, propagation } = await propagationOptions(config);
  const { clock } = context.settings;
  const zones = new Set<string>();
  for (const { domain, provider } of await openedProviders(validation)) {
    if ([...zones].some((zone) => domain === zone || domain.endsWith(`.${zone}`))) continue;
    if (!provider) continue;
    const options = { provider, lookUp, propagation, clock, signal };
    zones.add((await tryRecord(`_acme-challenge.${domain}`, options)).zone);
  }
  return [...zones];
}
