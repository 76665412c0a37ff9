import * as z from 'zod';
import type { CredentialKey } from '../credential.ts';
import {
  addressRange,
  allowedRange,
  certifiedName,
  choice,
  httpsUrl,
  list,
  listenAddress,
  ownName,
  path,
  seconds,
  switched,
  syslogUrl,
  text,
  whole,
} from '../keys.ts';

/** `[metrics]` */
export function metricsTable() {
  return z.strictObject({
    enabled: switched('Serve metrics for Prometheus at listen_addr, without a key.').default(false),
    listen_addr: listenAddress('The address that serves metrics.').default('127.0.0.1:9090'),
    prefix: text('The prefix of metric names.')
      .regex(/^[a-z][a-z0-9_]*$/, 'write a-z, 0-9 and _')
      .default('acmex'),
    certificates: whole(
      'How many certificates have time series of their own: those that expire first.',
      { from: 0, to: 100_000 },
    ).default(1000),
    domain_labels: switched(
      'Whether the time series of a certificate have its first name as the label domain.',
    ).default(false),
  });
}

/** `[audit]` */
export function auditTable(secret: CredentialKey) {
  return z.strictObject({
    enabled: switched(
      'Record in the storage who did what, in the write in which it happens. What cannot be recorded is not done.',
    ).default(false),
    checkpoint_secs: seconds('How often the ends of the audit log are signed.', 1, 86_400).default(
      60,
    ),
    retention_days: whole(
      'How many days records are kept. Older ones are removed by programs that run until they are stopped, and by acmex audit prune. By default everything is kept.',
      { from: 1, to: 36_500, unit: ' of days' },
    ).optional(),
    checkpoint_file: path(
      'The file that signed checkpoints are appended to. With a copy of it on another machine, acmex audit verify finds a storage that was replaced.',
    ).optional(),
    checkpoint_syslog: syslogUrl(
      'The syslog server that signed checkpoints are sent to: tls://HOST:PORT, tcp://HOST:PORT or udp://HOST:PORT. The port is 6514 for tls and 514 otherwise.',
    ).optional(),
    checkpoint_webhook: checkpointWebhook(secret),
  });
}

/** `[audit.checkpoint_webhook]` */
function checkpointWebhook(secret: CredentialKey) {
  return z
    .strictObject(
      {
        url: secret('The URL that receives checkpoints. It is hidden.'),
        secret: secret(
          'Secret that signs each message as Standard Webhooks: whsec_ and base64, or any text of at least 24 characters.',
        ).optional(),
        auth_token: secret('Sent as Authorization: Bearer.').optional(),
        allow: list(
          allowedRange(),
          'Private addresses that the receiver may have, such as "10.0.0.0/8".',
        ).default([]),
        allow_http: switched('Also send to a URL that begins with http://.').default(false),
      },
      { error: 'write a table with url' },
    )
    .optional()
    .meta({ description: 'The receiver that signed checkpoints are sent to.' });
}

const logLevels = ['error', 'warn', 'info', 'debug'] as const;

/** `[cli]`: the output of the command line. */
export function cliTable() {
  return z.strictObject({
    output_format: choice(['text', 'json', 'csv'], 'The format of results.').default('text'),
    colors: switched('Use colours; by default only on a terminal.').optional(),
    log_level: choice(logLevels, 'The least severe level to log.').default('info'),
    log_levels: z
      .record(
        z
          .string()
          .regex(
            /^@acmex\/[a-z0-9-]+$/,
            'write the name of a package: "@acmex/protocol" = "debug"',
          ),
        choice(logLevels, 'A level.'),
        { error: 'write a table: { "@acmex/protocol" = "debug" }' },
      )
      .default({})
      .meta({ description: 'Levels for lines of single packages, instead of log_level.' }),
    log_file: path(
      'The file that a program that runs until it is stopped logs to, as lines of JSON, instead of standard error. SIGHUP opens it again.',
    ).optional(),
    log_max_size: whole('The size of log_file, in MiB, at which a new one begins.', {
      from: 1,
      to: 100_000,
    }).default(100),
    log_backup_count: whole(
      'How many earlier log files are kept: log_file with .1 for the last one, and so on.',
      { from: 1, to: 1000 },
    ).default(10),
  });
}

/** `[server]`: the REST API. */
export function serverTable(secret: CredentialKey) {
  return z.strictObject({
    listen_addr: listenAddress('The address that serves the REST API.').default('127.0.0.1:8080'),
    worker_listen_addr: listenAddress(
      'The address on which a worker serves /health, /health/ready and /metrics. Without it, a worker opens no port.',
    ).optional(),
    answer_challenges: list(
      choice(['http-01', 'tls-alpn-01'], 'http-01 or tls-alpn-01.'),
      'The challenges that the server answers for every process with this storage, on the addresses of challenge.',
    ).default([]),
    dashboard: switched(
      'Serve the dashboard, a page for people, at /. It shows and does what the key of who signs in permits.',
    ).default(true),
    board: switched(
      'Serve bull-board at /board to keys of the default tenant with every name and the scope queue:write. Needs Redis and the packages @bull-board/api and @bull-board/fastify.',
    ).default(false),
    api_keys: list(
      secret('API key of at least 128 bits: openssl rand -hex 32.'),
      'API keys of the default tenant with every permission, in addition to those in the storage.',
    ).default([]),
    hosts: list(
      text('HOST or HOST:PORT.'),
      "Host names that requests may use, in addition to that of listen_addr and this machine's names. Other names are refused.",
    ).default([]),
    deploy_targets: list(
      ownName('One of deploy.'),
      'The deploy targets that requests may name where there are no tenants; none by default.',
    ).default([]),
    trusted_proxies: list(
      addressRange('An address or a range: 10.0.0.0/8.'),
      'Proxies that terminate TLS, and whose forwarded caller addresses are trusted.',
    ).default([]),
    tls: serverTls(secret),
    oidc: serverOidc(secret),
    webhooks: list(
      z.strictObject({
        name: ownName('The name in logs.'),
        tenant: ownName('The tenant whose certificates it acts on.').default('default'),
        secret: secret(
          'Secret shared with the sender: whsec_ and base64, or any text of at least 24 characters.',
        ),
      }),
      'Senders whose POST /webhook requests are accepted, signed as Standard Webhooks.',
    ).default([]),
  });
}

/** `[server.tls]` */
function serverTls(secret: CredentialKey) {
  return z
    .strictObject(
      {
        certificate: path('File with the certificate and its chain.').optional(),
        key: path('File with the private key.').optional(),
        passphrase: secret('Passphrase of key, if that is encrypted.').optional(),
        managed: certifiedName().optional().meta({
          description:
            'The name of a certificate that the server obtains and renews itself, instead of files.',
        }),
      },
      { error: 'write a table with certificate and key, or with managed' },
    )
    .refine(
      ({ certificate, key, passphrase, managed }) =>
        managed === undefined
          ? certificate !== undefined && key !== undefined
          : [certificate, key, passphrase].every((value) => value === undefined),
      'write certificate and key, or managed',
    )
    .optional()
    .meta({
      description:
        'TLS of the server. An address that other machines can reach needs it, or a trusted proxy.',
    });
}

/** `[server.oidc]` */
function serverOidc(secret: CredentialKey) {
  return z
    .strictObject(
      {
        issuer: httpsUrl('The issuer of tokens: their iss claim.'),
        audience: text('The audience of tokens: their aud claim.'),
        jwks_url: httpsUrl('URL of the keys; by default from the discovery document.').optional(),
        tenant_claim: text('The claim that names the tenant.').default('tenant'),
        scope_claim: text(
          'The claim with the scopes: text separated by spaces, or a list.',
        ).default('scope'),
        names_claim: text(
          'The claim with the names that the caller may use; all of the tenant by default.',
        ).optional(),
        client_id: text(
          'The client that the provider knows this server as. With it, people sign in to the dashboard at the provider.',
        ).optional(),
        client_secret: secret(
          'The secret of client_id. Without it, the client is public.',
        ).optional(),
        login_scopes: list(
          text('A scope of the provider.').regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'write one scope'),
          'The scopes that a sign-in to the dashboard requests. openid must be one of them.',
        )
          .refine((requested) => requested.includes('openid'), 'add "openid"')
          .default(['openid']),
        login_name: text(
          'What the button of the dashboard calls the provider; the host of issuer by default.',
        )
          .max(40, 'write at most 40 characters')
          .optional(),
      },
      { error: 'write a table with issuer and audience' },
    )
    .refine(
      (table) => table.client_secret === undefined || table.client_id !== undefined,
      'add client_id, or remove client_secret',
    )
    .optional()
    .meta({
      description:
        'Accept tokens of an OpenID Connect provider like API keys, and let people sign in to the dashboard with it.',
    });
}

/** `[tenants.NAME]`: the tenants of the server and their permissions. */
export function tenantsTable() {
  const tenant = z.strictObject({
    names: list(
      text('example.com, *.example.com for all below it, or *.'),
      'The names that its certificates may have.',
    ).min(1, 'write at least one: ["*.team.example"]'),
    issuers: list(
      ownName('One of issuers, or the name of [acme].'),
      'The CAs that it may use; all by default.',
    ).optional(),
    dns_providers: list(
      ownName('One of challenge.dns01.providers.'),
      'The DNS providers that it may use; all by default.',
    ).optional(),
    deploy_targets: list(
      ownName('One of deploy.'),
      'The deploy targets that its requests may name; none by default.',
    ).default([]),
    max_certificates: whole('The largest number of certificates.', {
      from: 1,
      to: 10_000_000,
    }).optional(),
    max_orders_per_hour: whole('The largest number of orders in an hour.', {
      from: 1,
      to: 1_000_000,
    }).optional(),
  });
  return z.record(ownName('The name in API keys and tokens.'), tenant).default({}).meta({
    description:
      'Tenants of the REST API, by name. By default there is one tenant, default, which may do everything and shares its certificates with the command line.',
  });
}
