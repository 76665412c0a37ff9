import { type Check, type Finding, findingOf, profileFindings } from '@acmex/check';
import { printable } from '@acmex/errors';
import { type Identifier, identifier, identifiers, privateCa, publicCa } from '@acmex/identifier';
import { Temporal } from 'temporal-polyfill';
import type { CheckedCertificate } from './checked-certificate.ts';
import type { CheckContext } from './checking-context.ts';
import { resolveChallenge } from './challenge-config.ts';
import { assertChallengeFits, assertStaplingFits } from './preconditions.ts';

/** Returns the checks of what a certificate shall be. */
export function specChecks(
  certificate: CheckedCertificate,
  context: CheckContext,
): readonly Check[] {
  const subject = subjectOf(certificate);
  return [
    { kind: 'names', subject, run: async () => await checkNames(certificate, context) },
    { kind: 'profile', subject, run: async () => await checkProfile(certificate, context) },
  ];
}

/** Returns how results call a certificate: by its first name. */
export function subjectOf({ names: [first = ''] }: CheckedCertificate): string {
  return printable(first, 255);
}

/** Returns the names that can be certified, whatever is wrong with the rest. */
export function validNames({ names }: CheckedCertificate): readonly Identifier[] {
  return identifiers(names.filter((name) => parsed(name) !== undefined));
}

function parsed(name: string): Identifier | undefined {
  try {
    return identifier(name);
  } catch {
    // `checkNames` reports it.
    return undefined;
  }
}

async function checkNames(
  { names, issuer, proof }: CheckedCertificate,
  context: CheckContext,
): Promise<{ readonly findings: readonly Finding[] }> {
  const rule = (await context.issuer(issuer).isPublic()) ? publicCa : privateCa;
  const { challenge } = resolveChallenge(proof, context.settings.challenge);
  const findings = names.flatMap((name) => {
    try {
      identifier(name, { rule });
      assertChallengeFits([name], challenge);
      return [];
    } catch (error) {
      return [findingOf(error, printable(name, 255))];
    }
  });
  return { findings };
}

async function checkProfile(
  certificate: CheckedCertificate,
  { issuer: issuerOf, settings: { renewBefore, clock } }: CheckContext,
): Promise<{ readonly findings: readonly Finding[] }> {
  const { keyType, secondKeyType, current, issuer: name, mustStaple } = certificate;
  const issuer = issuerOf(name);
  const ca = await issuer.settings();
  const profiles = (await issuer.seen())?.meta.profiles;
  const question = {
    identifiers: validNames(certificate),
    directory: ca.directory,
    profile: certificate.profile ?? ca.profile,
    profiles: profiles && Object.keys(profiles),
    keyType,
    renewBefore: certificate.renewBefore ?? renewBefore,
    lifetime: current && lifetimeOf(current),
    clock,
  };
  const stapling = await findingsOf(subjectOf(certificate), async () =>
    assertStaplingFits(certificate.names, { ca, mustStaple }),
  );
  const first = profileFindings(question);
  const texts = new Set(first.map((finding) => JSON.stringify(finding)));
  const second =
    secondKeyType === undefined
      ? []
      : profileFindings({ ...question, keyType: secondKeyType }).filter(
          (finding) => !texts.has(JSON.stringify(finding)),
        );
  return { findings: [...first, ...second, ...stapling] };
}

function lifetimeOf({ notBefore, notAfter }: NonNullable<CheckedCertificate['current']>) {
  const milliseconds =
    Temporal.Instant.from(notAfter).epochMilliseconds -
    Temporal.Instant.from(notBefore).epochMilliseconds;
  return { milliseconds };
}

/** Returns what an assertion reports as a finding; none where it succeeds. */
export async function findingsOf(
  subject: string,
  work: () => Promise<void>,
): Promise<readonly Finding[]> {
  try {
    await work();
    return [];
  } catch (error) {
    return [findingOf(error, subject)];
  }
}
