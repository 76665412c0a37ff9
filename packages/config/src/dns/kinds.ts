// Made by npm run docs from acmex.dns in the package.json of each provider: change it there.
import { dnsKind, type OpenableDnsKind } from './kind.ts';

/** Every kind of DNS host. */
export const dnsKinds: readonly OpenableDnsKind[] = [
  dnsKind({
    type: 'acmedns', title: 'acme-dns', package: '@acmex/dns-acmedns', links: { api: 'https://github.com/joohoi/acme-dns#api', credentials: 'https://github.com/joohoi/acme-dns#register-endpoint' },
    options: [
      { option: 'url', env: ['ACMEDNS_URL', 'ACME_DNS_API_BASE'], format: 'url', description: 'Where acme-dns lies: https://auth.example.org' },
      { option: 'accounts.0.fulldomain', env: ['ACMEDNS_FULLDOMAIN'], description: 'The name that _acme-challenge is an alias of' },
      { option: 'accounts.0.subdomain', env: ['ACMEDNS_SUBDOMAIN'], description: 'The subdomain of the registration' },
      { option: 'accounts.0.username', env: ['ACMEDNS_USERNAME'], description: 'The user name of the registration' },
      { option: 'accounts.0.password', env: ['ACMEDNS_PASSWORD'], secret: true, description: 'The password of the registration' },
    ],
    load: async () => (await import('@acmex/dns-acmedns')).acmedns,
  }),
  dnsKind({
    type: 'cloudflare', title: 'Cloudflare', package: '@acmex/dns-cloudflare', links: { api: 'https://developers.cloudflare.com/api/resources/dns/subresources/records/', credentials: 'https://dash.cloudflare.com/profile/api-tokens' },
    options: [
      { option: 'token', key: 'api_token', env: ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_DNS_API_TOKEN', 'CF_DNS_API_TOKEN'], secret: true, description: 'An API token with Zone.Zone read and Zone.DNS edit for the zone' },
    ],
    load: async () => (await import('@acmex/dns-cloudflare')).cloudflare,
  }),
  dnsKind({
    type: 'digitalocean', title: 'DigitalOcean', package: '@acmex/dns-digitalocean', links: { api: 'https://docs.digitalocean.com/reference/api/reference/domains/', credentials: 'https://cloud.digitalocean.com/account/api/tokens' },
    options: [
      { option: 'token', key: 'api_token', env: ['DIGITALOCEAN_TOKEN', 'DIGITALOCEAN_ACCESS_TOKEN', 'DO_AUTH_TOKEN'], secret: true, description: 'A personal access token with the scopes domain:read, domain:create and domain:delete' },
    ],
    load: async () => (await import('@acmex/dns-digitalocean')).digitalocean,
  }),
  dnsKind({
    type: 'google', title: 'Google Cloud DNS', package: '@acmex/dns-google', links: { api: 'https://docs.cloud.google.com/dns/docs/reference/rest/v1', credentials: 'https://console.cloud.google.com/iam-admin/serviceaccounts' },
    options: [
      { option: 'credentials.keyFile', env: ['GOOGLE_APPLICATION_CREDENTIALS', 'GCE_SERVICE_ACCOUNT_FILE'], optional: true, format: 'path', description: 'The key file (JSON) of a service account; by default the service account of the machine, from Google Cloud\'s metadata server' },
      { option: 'credentials.serviceAccount', env: ['GCE_SERVICE_ACCOUNT'], optional: true, secret: true, description: 'In place of a file: what is in it' },
      { option: 'credentials.accessToken', env: ['GOOGLE_OAUTH_ACCESS_TOKEN', 'CLOUDSDK_AUTH_ACCESS_TOKEN'], optional: true, secret: true, description: 'In place of a key: an access token of OAuth 2.0' },
      { option: 'project', env: ['GOOGLE_CLOUD_PROJECT', 'GCE_PROJECT'], optional: true, description: 'The id of the project; that of the key by default' },
      { option: 'managedZone', env: ['GCE_ZONE_ID'], optional: true, description: 'The one managed zone that is written, by its name or id, where several have one DNS name' },
      { option: 'visibility', env: ['GOOGLE_DNS_VISIBILITY'], optional: true, choices: ['public', 'private'], description: 'Which managed zones; public by default' },
    ],
    load: async () => (await import('@acmex/dns-google')).google,
  }),
  dnsKind({
    type: 'powerdns', title: 'PowerDNS', package: '@acmex/dns-powerdns', links: { api: 'https://doc.powerdns.com/authoritative/http-api/zone.html', credentials: 'https://doc.powerdns.com/authoritative/http-api/' },
    options: [
      { option: 'url', env: ['POWERDNS_URL', 'PDNS_API_URL'], format: 'url', description: 'Where the API lies: http://127.0.0.1:8081' },
      { option: 'apiKey', env: ['POWERDNS_API_KEY', 'PDNS_API_KEY'], secret: true, description: 'The api-key of pdns.conf' },
      { option: 'server', env: ['POWERDNS_SERVER', 'PDNS_SERVER_NAME'], optional: true, description: 'The server\'s id; localhost by default' },
    ],
    load: async () => (await import('@acmex/dns-powerdns')).powerdns,
  }),
  dnsKind({
    type: 'rfc2136', title: 'RFC 2136 (BIND, Knot, PowerDNS, Windows)', package: '@acmex/dns-rfc2136', links: { api: 'https://www.rfc-editor.org/rfc/rfc2136', credentials: 'https://bind9.readthedocs.io/en/stable/manpages.html#tsig-keygen-tsig-key-generation-tool' },
    options: [
      { option: 'server', env: ['RFC2136_SERVER', 'RFC2136_NAMESERVER'], description: 'The primary server: host, host:port or [IPv6]:port' },
      { option: 'key.name', env: ['RFC2136_KEY_NAME', 'RFC2136_TSIG_KEY'], optional: true, with: ['key.secret'], description: 'The name of the TSIG key' },
      { option: 'key.secret', env: ['RFC2136_KEY_SECRET', 'RFC2136_TSIG_SECRET'], optional: true, with: ['key.name'], secret: true, description: 'Its secret in base64, as tsig-keygen prints it' },
      { option: 'key.algorithm', env: ['RFC2136_KEY_ALGORITHM', 'RFC2136_TSIG_ALGORITHM'], optional: true, with: ['key.name'], choices: ['hmac-sha256', 'hmac-sha384', 'hmac-sha512'], description: 'Its algorithm; hmac-sha256 by default' },
    ],
    load: async () => (await import('@acmex/dns-rfc2136')).rfc2136,
  }),
  dnsKind({
    type: 'route53', title: 'Amazon Route 53', package: '@acmex/dns-route53', links: { api: 'https://docs.aws.amazon.com/Route53/latest/APIReference/Welcome.html', credentials: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html' },
    options: [
      { option: 'credentials.accessKeyId', env: ['AWS_ACCESS_KEY_ID'], optional: true, with: ['credentials.secretAccessKey'], description: 'An access key of IAM; by default what AWS\'s own tools find' },
      { option: 'credentials.secretAccessKey', env: ['AWS_SECRET_ACCESS_KEY'], optional: true, with: ['credentials.accessKeyId'], secret: true, description: 'Its secret' },
      { option: 'credentials.sessionToken', env: ['AWS_SESSION_TOKEN'], optional: true, secret: true, description: 'The token of temporary credentials' },
      { option: 'credentials.profile', env: ['AWS_PROFILE'], optional: true, description: 'In place of a key: a profile of ~/.aws/config' },
      { option: 'region', env: ['AWS_REGION'], optional: true, description: 'us-east-1 by default; others for China and GovCloud' },
      { option: 'hostedZoneId', env: ['ROUTE53_HOSTED_ZONE_ID', 'AWS_HOSTED_ZONE_ID'], optional: true, description: 'The one hosted zone that is written, where several have one name' },
      { option: 'visibility', env: ['ROUTE53_VISIBILITY'], optional: true, choices: ['public', 'private'], description: 'Which hosted zones; public by default' },
    ],
    load: async () => (await import('@acmex/dns-route53')).route53,
  }),
  dnsKind({
    type: 'exec', title: 'A program, called as by lego', package: '@acmex/dns-hooks', environment: true, links: { api: 'https://go-acme.github.io/lego/dns/exec/' },
    options: [
      { option: 'program', env: ['EXEC_PATH'], format: 'path', description: 'Called as PROGRAM present|cleanup NAME VALUE' },
    ],
    load: async () => (await import('@acmex/dns-hooks')).execHook,
  }),
  dnsKind({
    type: 'httpreq', title: 'A server with the API of lego\'s httpreq', package: '@acmex/dns-hooks', links: { api: 'https://go-acme.github.io/lego/dns/httpreq/' },
    options: [
      { option: 'endpoint', env: ['HTTPREQ_ENDPOINT'], format: 'url', description: 'What stands before /present and /cleanup' },
      { option: 'mode', env: ['HTTPREQ_MODE'], optional: true, choices: ['default', 'RAW'], description: 'RAW sends the challenge in place of the record' },
      { option: 'user.name', key: 'username', env: ['HTTPREQ_USERNAME'], optional: true, with: ['user.password'], description: 'For basic authentication' },
      { option: 'user.password', key: 'password', env: ['HTTPREQ_PASSWORD'], optional: true, with: ['user.name'], secret: true, description: 'For basic authentication' },
    ],
    load: async () => (await import('@acmex/dns-hooks')).httpreq,
  }),
  dnsKind({
    type: 'certbot', title: 'Hooks of certbot\'s manual plugin', package: '@acmex/dns-hooks', environment: true, links: { api: 'https://eff-certbot.readthedocs.io/en/stable/using.html#pre-and-post-validation-hooks' },
    options: [
      { option: 'auth', env: ['CERTBOT_MANUAL_AUTH_HOOK'], format: 'command', description: 'The program of --manual-auth-hook, and its arguments' },
      { option: 'cleanup', env: ['CERTBOT_MANUAL_CLEANUP_HOOK'], format: 'command', description: 'The program of --manual-cleanup-hook, and its arguments' },
    ],
    load: async () => (await import('@acmex/dns-hooks')).certbotHooks,
  }),
  dnsKind({
    type: 'acme.sh', title: 'A dnsapi script of acme.sh', package: '@acmex/dns-hooks', environment: true, links: { api: 'https://github.com/acmesh-official/acme.sh/wiki/dnsapi' },
    options: [
      { option: 'home', env: ['LE_WORKING_DIR'], format: 'path', description: 'Where acme.sh is installed' },
      { option: 'hook', env: ['ACME_SH_DNS'], description: 'As after --dns: dns_cf' },
    ],
    load: async () => (await import('@acmex/dns-hooks')).acmeSh,
  }),
  dnsKind({
    type: 'manual', title: 'By hand', package: '@acmex/dns-hooks', attended: true, links: {},
    options: [],
    load: async () => (await import('@acmex/dns-hooks')).manual,
  }),
];
