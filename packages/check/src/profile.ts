import type { KeyType } from '@acmex/certificate';
import { type Clock, type DurationInput, milliseconds } from '@acmex/clock';
import { printable } from '@acmex/errors';
import { type Identifier, isCovered, isWildcard } from '@acmex/identifier';
import { Temporal } from 'temporal-polyfill';
import { type Finding, finding } from './finding.ts';

/** What a CA issues by one of its profiles. */
interface Profile {
  /** How many names a certificate may have. */
  readonly names: number;
  readonly permitsAddresses: boolean;
  /** The lifetimes, each from a moment on; the latest first. */
  readonly lifetimes: readonly { readonly from: string; readonly lifetime: DurationInput }[];
}

/** What is known of a CA that its directory does not say. */
interface KnownCa {
  readonly hosts: readonly string[];
  readonly keyTypes: readonly KeyType[];
  /** For orders that name none. */
  readonly defaultProfile: string;
  readonly profiles: Readonly<Record<string, Profile>>;
}

const always = '1970-01-01T00:00:00Z';
/** https://letsencrypt.org/docs/profiles/, and the end of 90 days as announced on 2025-12-02. */
const letsEncrypt: KnownCa = {
  hosts: ['acme-v02.api.letsencrypt.org', 'acme-staging-v02.api.letsencrypt.org'],
  keyTypes: ['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096'],
  defaultProfile: 'classic',
  profiles: {
    classic: {
      names: 100,
      permitsAddresses: false,
      lifetimes: [
        { from: '2028-02-16T00:00:00Z', lifetime: { days: 45 } },
        { from: '2027-02-10T00:00:00Z', lifetime: { days: 64 } },
        { from: always, lifetime: { days: 90 } },
      ],
    },
    tlsserver: {
      names: 25,
      permitsAddresses: false,
      lifetimes: [{ from: always, lifetime: { days: 45 } }],
    },
    shortlived: {
      names: 25,
      permitsAddresses: true,
      lifetimes: [{ from: always, lifetime: { hours: 160 } }],
    },
  },
};
const knownCas: readonly KnownCa[] = [letsEncrypt];

/** A certificate that would be ordered. */
export interface ProfileQuestion {
  readonly identifiers: readonly Identifier[];
  /** The URL of the CA's directory. */
  readonly directory: string;
  /** Absent: the CA chooses. */
  readonly profile?: string | undefined;
  /** The names of the profiles in the directory of the CA, where that was read. */
  readonly profiles?: readonly string[] | undefined;
  readonly keyType?: KeyType | undefined;
  /** How long before expiry it is renewed, where that is set. */
  readonly renewBefore?: DurationInput | undefined;
  /** The lifetime of the certificate that is in use, for a CA of which nothing is known. */
  readonly lifetime?: DurationInput | undefined;
  readonly clock: Clock;
}

/** Returns what the profile of a CA does not permit. Sends nothing. */
export function profileFindings(question: ProfileQuestion): readonly Finding[] {
  const { directory, profile: named, profiles, identifiers, keyType } = question;
  const subject = identifiers.map(({ value }) => printable(value, 255)).join(', ');
  const host = URL.canParse(directory) ? new URL(directory).hostname : '';
  const ca = knownCas.find(({ hosts }) => hosts.includes(host));
  if (named !== undefined && profiles && !profiles.includes(named))
    return [unknownProfile({ subject, named, profiles })];
  const name = named ?? ca?.defaultProfile ?? '';
  const profile = ca && Object.hasOwn(ca.profiles, name) ? ca.profiles[name] : undefined;
  const findings = [
    ...redundantNames(identifiers),
    ...renewalFinding(question, { subject, profile }),
  ];
  if (keyType !== undefined && ca && !ca.keyTypes.includes(keyType))
    findings.push(
      finding('ERR_CHECK_KEY_TYPE', {
        subject,
        saw: `${host} certifies no key of type ${keyType}`,
      }),
    );
  if (!ca || !profile) return findings;
  if (identifiers.length > profile.names)
    findings.push(
      finding('ERR_CHECK_NAME_COUNT', {
        subject,
        saw: `the certificate has ${identifiers.length} names, and the profile ${name} permits ${profile.names}`,
      }),
    );
  const address = identifiers.find(({ type }) => type === 'ip');
  if (address && !profile.permitsAddresses)
    findings.push(addressFinding(address.value, { ca, name }));
  return findings;
}

function unknownProfile({
  subject,
  named,
  profiles,
}: {
  readonly subject: string;
  readonly named: string;
  readonly profiles: readonly string[];
}): Finding {
  const names = profiles.map((name) => printable(name, 100)).join(', ');
  return finding('ERR_CHECK_PROFILE', {
    subject,
    saw: `the directory of the CA has no profile ${printable(named, 100)}; it has ${names || 'none'}`,
    ...(names ? {} : { cure: 'Order without a profile.' }),
  });
}

function addressFinding(
  address: string,
  { ca, name }: { readonly ca: KnownCa; readonly name: string },
): Finding {
  const suitable = Object.keys(ca.profiles).filter((key) => ca.profiles[key]?.permitsAddresses);
  return finding('ERR_CHECK_PROFILE_ADDRESS', {
    subject: address,
    saw: `the profile ${name} permits no IP address`,
    cure: `Use the profile ${suitable.join(' or ')}.`,
  });
}

function redundantNames(identifiers: readonly Identifier[]): Finding[] {
  const wildcards = identifiers.map(({ value }) => value).filter(isWildcard);
  return identifiers.flatMap(({ value }) => {
    const wildcard = wildcards.find((candidate) => isCovered(value, candidate));
    return wildcard === undefined || isWildcard(value)
      ? []
      : [
          finding('ERR_CHECK_REDUNDANT_NAME', {
            subject: value,
            saw: `${wildcard} of the same certificate covers it`,
          }),
        ];
  });
}

function renewalFinding(
  { renewBefore, lifetime: observed, clock }: ProfileQuestion,
  { subject, profile }: { readonly subject: string; readonly profile: Profile | undefined },
): readonly Finding[] {
  const now = clock.now();
  const current = profile?.lifetimes.find(
    ({ from }) => Temporal.Instant.compare(Temporal.Instant.from(from), now) <= 0,
  );
  const lifetime = current?.lifetime ?? observed;
  if (renewBefore === undefined || lifetime === undefined) return [];
  if (milliseconds(renewBefore) <= milliseconds(lifetime) / 2) return [];
  return [
    finding('ERR_CHECK_RENEW_BEFORE', {
      subject,
      saw: `renewal is set to ${daysOf(renewBefore)} days before expiry, and the certificate lives ${daysOf(lifetime)} days`,
    }),
  ];
}

function daysOf(duration: DurationInput): number {
  return Math.round(milliseconds(duration) / 8_640_000) / 10;
}
