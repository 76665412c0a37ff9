import type { RehearsedCertificate } from '@acmex/rehearsal';

const dayMs = 86_400_000;
const lifetimeMs = 90 * dayMs;

/** Makes up certificates that were issued over the last 60 days, three of each domain. */
export function madeUpFleet(
  count: number,
  {
    issuer,
    fallbackIssuers,
    now,
  }: Pick<RehearsedCertificate, 'issuer' | 'fallbackIssuers'> & { readonly now: number },
): readonly RehearsedCertificate[] {
  return Array.from({ length: count }, (_, index) => {
    const issuedAt = now - ((index + 0.5) / count) * 60 * dayMs;
    const notAfter = new Date(issuedAt + lifetimeMs).toISOString();
    return {
      id: `made-up-${index}`,
      names: [`host-${index}.example-${index % Math.ceil(count / 3)}.com`],
      ...{ issuer, fallbackIssuers, paused: false },
      current: {
        ...{ generation: 1, serialNumber: index.toString(16).padStart(32, '0') },
        ...{ issuedAt: new Date(issuedAt).toISOString(), notAfter },
        notBefore: new Date(issuedAt).toISOString(),
      },
      renewal: { at: new Date(issuedAt + (lifetimeMs * 2) / 3).toISOString() },
    };
  });
}
