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
    type: 'alibaba', title: 'Alibaba Cloud DNS', package: '@acmex/dns-alibaba', links: { api: 'https://www.alibabacloud.com/help/en/dns/api-alidns-2015-01-09-overview', credentials: 'https://ram.console.aliyun.com/profile/access-keys' },
    options: [
      { option: 'accessKeyId', env: ['ALIBABA_CLOUD_ACCESS_KEY_ID', 'ALICLOUD_ACCESS_KEY', 'Ali_Key'], description: 'The AccessKey ID of a RAM user' },
      { option: 'accessKeySecret', env: ['ALIBABA_CLOUD_ACCESS_KEY_SECRET', 'ALICLOUD_SECRET_KEY', 'Ali_Secret'], secret: true, description: 'Its secret' },
      { option: 'securityToken', env: ['ALIBABA_CLOUD_SECURITY_TOKEN', 'ALICLOUD_SECURITY_TOKEN'], optional: true, secret: true, description: 'The token of temporary credentials, from STS' },
      { option: 'region', env: ['ALICLOUD_REGION_ID'], optional: true, format: 'region', description: 'The region whose endpoint is asked, as ap-southeast-1; the central one by default' },
    ],
    load: async () => (await import('@acmex/dns-alibaba')).alibaba,
  }),
  dnsKind({
    type: 'azure', title: 'Azure DNS', package: '@acmex/dns-azure', links: { api: 'https://learn.microsoft.com/rest/api/dns/', credentials: 'https://learn.microsoft.com/azure/dns/dns-sdk#create-a-service-principal-account' },
    options: [
      { option: 'credentials.tenantId', env: ['AZURE_TENANT_ID', 'AZUREDNS_TENANTID'], optional: true, with: ['credentials.clientId'], description: 'The tenant of a service principal' },
      { option: 'credentials.clientId', env: ['AZURE_CLIENT_ID', 'AZUREDNS_APPID'], optional: true, description: 'The client (application) id of the service principal; without a secret and a file that of a managed identity, by default the machine\'s own' },
      { option: 'credentials.clientSecret', env: ['AZURE_CLIENT_SECRET', 'AZUREDNS_CLIENTSECRET'], optional: true, with: ['credentials.tenantId', 'credentials.clientId'], secret: true, description: 'A client secret of the service principal' },
      { option: 'credentials.federatedTokenFile', env: ['AZURE_FEDERATED_TOKEN_FILE'], optional: true, with: ['credentials.tenantId', 'credentials.clientId'], format: 'path', description: 'In place of a secret: the file with the token of a workload identity' },
      { option: 'credentials.accessToken', env: ['AZUREDNS_BEARERTOKEN'], optional: true, secret: true, description: 'In place of all these: an access token for Azure Resource Manager' },
      { option: 'subscriptionId', env: ['AZURE_SUBSCRIPTION_ID', 'AZUREDNS_SUBSCRIPTIONID'], optional: true, description: 'The subscription that has the zones; all that the credentials see by default' },
      { option: 'resourceGroup', env: ['AZURE_RESOURCE_GROUP'], optional: true, description: 'The resource group that has the zones; all by default' },
      { option: 'visibility', env: ['AZURE_DNS_VISIBILITY'], optional: true, choices: ['public', 'private'], description: 'Which zones; public by default' },
      { option: 'cloud', env: ['AZURE_ENVIRONMENT'], optional: true, choices: ['public', 'usgovernment', 'china'], description: 'Which of Microsoft\'s clouds: public by default, usgovernment or china' },
    ],
    load: async () => (await import('@acmex/dns-azure')).azure,
  }),
  dnsKind({
    type: 'cloudflare', title: 'Cloudflare', package: '@acmex/dns-cloudflare', links: { api: 'https://developers.cloudflare.com/api/resources/dns/subresources/records/', credentials: 'https://dash.cloudflare.com/profile/api-tokens' },
    options: [
      { option: 'token', key: 'api_token', env: ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_DNS_API_TOKEN', 'CF_DNS_API_TOKEN'], secret: true, description: 'An API token with Zone.Zone read and Zone.DNS edit for the zone' },
    ],
    load: async () => (await import('@acmex/dns-cloudflare')).cloudflare,
  }),
  dnsKind({
    type: 'cloudns', title: 'ClouDNS', package: '@acmex/dns-cloudns', links: { api: 'https://www.cloudns.net/wiki/article/41/', credentials: 'https://www.cloudns.net/api-settings/' },
    options: [
      { option: 'user.authId', key: 'auth_id', env: ['CLOUDNS_AUTH_ID'], optional: true, oneOf: 'user', description: 'The number of an API user' },
      { option: 'user.subAuthId', key: 'sub_auth_id', env: ['CLOUDNS_SUB_AUTH_ID'], optional: true, oneOf: 'user', description: 'In place of it: the number of an API sub-user' },
      { option: 'user.subAuthUser', key: 'sub_auth_user', env: ['CLOUDNS_SUB_AUTH_USER'], optional: true, oneOf: 'user', description: 'In place of both: the name of an API sub-user' },
      { option: 'password', env: ['CLOUDNS_AUTH_PASSWORD'], secret: true, description: 'The password of the API user or sub-user' },
    ],
    load: async () => (await import('@acmex/dns-cloudns')).cloudns,
  }),
  dnsKind({
    type: 'digitalocean', title: 'DigitalOcean', package: '@acmex/dns-digitalocean', links: { api: 'https://docs.digitalocean.com/reference/api/reference/domains/', credentials: 'https://cloud.digitalocean.com/account/api/tokens' },
    options: [
      { option: 'token', key: 'api_token', env: ['DIGITALOCEAN_TOKEN', 'DIGITALOCEAN_ACCESS_TOKEN', 'DO_AUTH_TOKEN'], secret: true, description: 'A personal access token with the scopes domain:read, domain:create and domain:delete' },
    ],
    load: async () => (await import('@acmex/dns-digitalocean')).digitalocean,
  }),
  dnsKind({
    type: 'godaddy', title: 'GoDaddy', package: '@acmex/dns-godaddy', links: { api: 'https://developer.godaddy.com/doc/endpoint/domains', credentials: 'https://developer.godaddy.com/keys' },
    options: [
      { option: 'key', key: 'api_key', env: ['GODADDY_API_KEY', 'GD_Key'], secret: true, description: 'A production API key' },
      { option: 'secret', key: 'api_secret', env: ['GODADDY_API_SECRET', 'GD_Secret'], secret: true, description: 'Its secret' },
    ],
    load: async () => (await import('@acmex/dns-godaddy')).godaddy,
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
    type: 'huawei', title: 'Huawei Cloud DNS', package: '@acmex/dns-huawei', links: { api: 'https://support.huaweicloud.com/intl/en-us/api-dns/ListRecordSetsByZone.html', credentials: 'https://console.huaweicloud.com/iam/#/mine/accessKey' },
    options: [
      { option: 'accessKeyId', env: ['HUAWEICLOUD_ACCESS_KEY_ID', 'HUAWEICLOUD_SDK_AK', 'HW_ACCESS_KEY'], description: 'An access key of IAM (AK)' },
      { option: 'secretAccessKey', env: ['HUAWEICLOUD_SECRET_ACCESS_KEY', 'HUAWEICLOUD_SDK_SK', 'HW_SECRET_KEY'], secret: true, description: 'Its secret (SK)' },
      { option: 'securityToken', env: ['HUAWEICLOUD_SDK_SECURITY_TOKEN', 'HW_SECURITY_TOKEN'], optional: true, secret: true, description: 'The token of a temporary access key' },
      { option: 'region', env: ['HUAWEICLOUD_REGION', 'HW_REGION_NAME'], optional: true, format: 'region', description: 'As cn-north-4; private zones lie in one, public zones in all' },
      { option: 'projectId', env: ['HUAWEICLOUD_SDK_PROJECT_ID', 'HW_PROJECT_ID'], optional: true, description: 'The project that has the zones, where it is not the region\'s own' },
      { option: 'zoneId', env: ['HUAWEICLOUD_ZONE_ID'], optional: true, description: 'The one zone that is written, where several have one name' },
      { option: 'visibility', env: ['HUAWEICLOUD_DNS_VISIBILITY'], optional: true, choices: ['public', 'private'], description: 'Which zones; public by default' },
    ],
    load: async () => (await import('@acmex/dns-huawei')).huawei,
  }),
  dnsKind({
    type: 'linode', title: 'Linode (Akamai)', package: '@acmex/dns-linode', links: { api: 'https://techdocs.akamai.com/linode-api/reference/get-domain-records', credentials: 'https://cloud.linode.com/profile/tokens' },
    options: [
      { option: 'token', key: 'api_token', env: ['LINODE_TOKEN', 'LINODE_V4_API_KEY', 'LINODE_CLI_TOKEN'], secret: true, description: 'A personal access token that may read and write domains' },
    ],
    load: async () => (await import('@acmex/dns-linode')).linode,
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
      { option: 'region', env: ['AWS_REGION'], optional: true, format: 'region', description: 'us-east-1 by default; others for China and GovCloud' },
      { option: 'hostedZoneId', env: ['ROUTE53_HOSTED_ZONE_ID', 'AWS_HOSTED_ZONE_ID'], optional: true, description: 'The one hosted zone that is written, where several have one name' },
      { option: 'visibility', env: ['ROUTE53_VISIBILITY'], optional: true, choices: ['public', 'private'], description: 'Which hosted zones; public by default' },
    ],
    load: async () => (await import('@acmex/dns-route53')).route53,
  }),
  dnsKind({
    type: 'tencent', title: 'Tencent Cloud DNSPod', package: '@acmex/dns-tencent', links: { api: 'https://www.tencentcloud.com/document/api/1157/49041', credentials: 'https://console.cloud.tencent.com/cam/capi' },
    options: [
      { option: 'secretId', env: ['TENCENTCLOUD_SECRET_ID', 'Tencent_SecretId'], description: 'The SecretId of an API key' },
      { option: 'secretKey', env: ['TENCENTCLOUD_SECRET_KEY', 'Tencent_SecretKey'], secret: true, description: 'Its SecretKey' },
      { option: 'sessionToken', env: ['TENCENTCLOUD_SESSION_TOKEN', 'TENCENTCLOUD_SECURITY_TOKEN'], optional: true, secret: true, description: 'The token of temporary credentials' },
    ],
    load: async () => (await import('@acmex/dns-tencent')).tencent,
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
