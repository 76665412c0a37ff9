import { defineErrors, type ErrorEntry, type ErrorTable } from '@acmex/errors';

/** What a finding means for an order: with an error it fails, with a warning it may not. */
export type Severity = 'error' | 'warning';

interface CheckEntry extends ErrorEntry {
  readonly severity: Severity;
}

/** What would be refused, or would fail, at the CA. */
const entry = <S extends Severity>(
  severity: S,
  exit: 2 | 3 | 4 | 6,
  meaning: string,
  cure: string,
): CheckEntry => ({
  meaning,
  cure,
  exit,
  http: exit === 4 ? 502 : 422,
  severity,
  fixedBy: 'person',
});

/**
 * What a check can find, besides the codes of the packages that it uses. `exit` is the exit code of
 * a program that ends with it, `http` the status of a service that passes it on.
 */
export const checkErrors = {
  ERR_CHECK_PROFILE: entry(
    'error',
    2,
    'The CA has no profile with this name.',
    'Use a profile that the message names.',
  ),
  ERR_CHECK_NAME_COUNT: entry(
    'error',
    2,
    'The certificate has more names than the profile permits.',
    'Divide the names among several certificates, or use a profile that permits more.',
  ),
  ERR_CHECK_PROFILE_ADDRESS: entry(
    'error',
    2,
    'The profile permits no IP addresses.',
    'Use a profile that the message names.',
  ),
  ERR_CHECK_KEY_TYPE: entry(
    'error',
    2,
    'The CA certifies no keys of this type.',
    'Use ec-p256, ec-p384 or an RSA key.',
  ),
  ERR_CHECK_RENEW_BEFORE: entry(
    'warning',
    2,
    'The certificate would be renewed earlier than after half of its lifetime, so half is used.',
    'Make the time before expiry shorter than half of the lifetime, or leave it to the CA.',
  ),
  ERR_CHECK_REDUNDANT_NAME: entry(
    'warning',
    2,
    "A name is covered by a wildcard of the same certificate, which Let's Encrypt refuses.",
    'Remove the name, or the wildcard.',
  ),
  ERR_CHECK_CLOCK: entry(
    'error',
    3,
    'The clock of this machine differs from that of the CA.',
    'Set the clock by NTP: timedatectl set-ntp true.',
  ),
  ERR_CHECK_CAA_ISSUER: entry(
    'error',
    6,
    'The CAA records do not permit the CA.',
    'Add a CAA record with the domain of the CA, as the message says, or remove the records.',
  ),
  ERR_CHECK_CAA_ACCOUNT: entry(
    'error',
    6,
    'The CAA records permit the CA for a different account only (accounturi, RFC 8657).',
    'Set accounturi to the URL of this account: acmex account show.',
  ),
  ERR_CHECK_CAA_METHOD: entry(
    'error',
    6,
    'The CAA records permit different challenges only (validationmethods, RFC 8657).',
    'Add the challenge to validationmethods, or use one that it lists.',
  ),
  ERR_CHECK_CAA_CRITICAL: entry(
    'error',
    6,
    'A critical CAA record is of a kind that no CA has to know, so a CA refuses.',
    'Correct its tag (issue, issuewild or iodef), or clear its critical flag.',
  ),
  ERR_CHECK_CAA_LOOKUP: entry(
    'error',
    6,
    'The CAA records cannot be read, and what a CA cannot read may forbid.',
    'Correct the name servers: they must answer questions of the type CAA, with an empty answer where there is no record.',
  ),
  ERR_CHECK_NO_ADDRESS: entry(
    'error',
    6,
    'The name has no address, so a CA cannot connect to it.',
    'Add an A or AAAA record, or use dns-01.',
  ),
  ERR_CHECK_ADDRESS_LOOKUP: entry(
    'error',
    6,
    'The addresses of the name cannot be looked up.',
    'Correct the name servers: they must answer questions of the types A and AAAA.',
  ),
  ERR_CHECK_PRIVATE_ADDRESS: entry(
    'error',
    6,
    'The name has an address that a public CA cannot or may not reach.',
    'Use a public address, dns-01, or a private CA.',
  ),
  ERR_CHECK_PORT_REFUSED: entry(
    'error',
    6,
    'Nothing listens on the port to which the CA connects.',
    'Start the server, forward the port to this machine, or correct the address of the name.',
  ),
  ERR_CHECK_PORT_TIME: entry(
    'error',
    6,
    'The port does not answer in time, as behind a firewall that drops packets.',
    'Open the port in the firewalls and in the router.',
  ),
  ERR_CHECK_PORT_UNREACHABLE: entry(
    'error',
    6,
    'There is no way to the address.',
    'Correct the address of the name, and check the routes.',
  ),
  ERR_CHECK_IPV6_CONNECTION: entry(
    'warning',
    6,
    'IPv4 leads to the response and IPv6 has no connection: a CA may not try IPv4.',
    'Let the server listen on IPv6, or remove the AAAA record.',
  ),
  ERR_CHECK_IPV6_ANSWER: entry(
    'error',
    6,
    'IPv4 leads to the response, and IPv6, which CAs prefer, leads to a different server.',
    'Correct the AAAA record, or remove it.',
  ),
  ERR_CHECK_REDIRECT: entry(
    'error',
    6,
    'A redirect leads to where a CA does not follow, or to where there is no answer.',
    'Redirect to http on port 80 or https on port 443 only, or exclude /.well-known/acme-challenge/.',
  ),
  ERR_CHECK_HTTP_STATUS: entry(
    'error',
    6,
    'The web server does not answer with status 200 for a response of http-01.',
    'Let it serve /.well-known/acme-challenge/ from the webroot, or forward that path to acmex, without authentication.',
  ),
  ERR_CHECK_HTTP_ACCOUNT: entry(
    'error',
    6,
    'A different ACME client answers http-01 for this name.',
    'Stop that client, or send /.well-known/acme-challenge/ to this one.',
  ),
  ERR_CHECK_HTTP_CATCH_ALL: entry(
    'error',
    6,
    'The web server answers each path with status 200 and a page of its own.',
    'Exclude /.well-known/acme-challenge/ from the rule that answers every path.',
  ),
  ERR_CHECK_HTTP_ANSWER: entry(
    'error',
    6,
    'What answers on port 80 is not a response of http-01.',
    'Check which server answers there; it must speak plain HTTP.',
  ),
  ERR_CHECK_TLS_ALPN: entry(
    'error',
    6,
    'The server on port 443 does not answer tls-alpn-01 (RFC 8737).',
    'Forward connections with the protocol acme-tls/1 to acmex, and do not end TLS before it.',
  ),
  ERR_CHECK_DELEGATION: entry(
    'error',
    6,
    'A name server of the zone has no address.',
    'Add the address of the name server, or remove it from the delegation.',
  ),
  ERR_CHECK_NAME_SERVER: entry(
    'error',
    6,
    'A name server does not answer for the zone, so a CA may ask it in vain.',
    'Correct the name server, or remove it from the delegation.',
  ),
  ERR_CHECK_NAME_SERVERS_DIFFER: entry(
    'warning',
    6,
    'The name servers of the zone do not agree on who they are.',
    'Update the NS records, so that all servers have the same ones.',
  ),
  ERR_CHECK_WILDCARD_ALIAS: entry(
    'warning',
    6,
    'A wildcard CNAME also answers for the name of the challenge record, which then belongs to its target.',
    'Add a CNAME or a TXT record of its own for the challenge record, or exclude it from the wildcard.',
  ),
  ERR_CHECK_FILE_ACCESS: entry(
    'error',
    3,
    'This user cannot read a file of the storage, or cannot write to a folder of it.',
    'Give the folder to the user that renews, as the message says, and run acmex as that user only.',
  ),
  ERR_CHECK_SERVICE_PATH: entry(
    'error',
    3,
    'The systemd unit of the service does not let it write to a path.',
    'Permit the path in a drop-in of the unit (systemctl edit), as the message says.',
  ),
  ERR_CHECK_TARGET_SERVER: entry(
    'warning',
    4,
    'The server that must serve a deployed certificate does not answer.',
    'Start the server, or correct probe.',
  ),
  ERR_CHECK_TIME: entry(
    'error',
    4,
    'A check has not ended in its time, so nothing is known.',
    'Check the network and the resolver, or permit more time by --timeout.',
  ),
} as const satisfies ErrorTable<'CHECK'>;

export type CheckErrorCode = keyof typeof checkErrors;

/** Something that a check found, where it ends an order. Compare codes, not classes. */
export class CheckError extends defineErrors('Check', checkErrors) {}
