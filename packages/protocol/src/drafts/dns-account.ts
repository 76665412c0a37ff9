/** Versions of the draft that are known here. They all name the record in the same way. */
export const dnsAccountDrafts = ['draft-ietf-acme-dns-account-label-02'] as const;
export type DnsAccountDraft = (typeof dnsAccountDrafts)[number];

/** The name of the TXT record of dns-account-01: one that no other account has. */
export async function accountRecordName(accountUrl: string, domain: string): Promise<string> {
  const digest = new Uint8Array(
    await crypto.subtle.digest('SHA-256', new TextEncoder().encode(accountUrl)),
  );
  return `_${base32(digest.subarray(0, 10))}._acme-challenge.${domain}`;
}

/** RFC 4648 §6, in lower case; of a multiple of five bytes, which needs no padding. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{5}/g) ?? [])
    .map((five) => 'abcdefghijklmnopqrstuvwxyz234567'.charAt(Number.parseInt(five, 2)))
    .join('');
}
