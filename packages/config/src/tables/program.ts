import { z } from 'zod';
import type { CredentialKey } from '../credential.ts';
import {
  certifiedName,
  choice,
  httpsUrl,
  list,
  listenAddress,
  ownName,
  path,
  switched,
  text,
  whole,
} from '../keys.ts';

/** `[metrics]` */
export function metricsTable() {
  return z.strictObject({
    enabled: switched('Show metrics for Prometheus.').default(false),
    listen_addr: listenAddress('Where they are shown.').default('127.0.0.1:9090'),
    prefix: text('What their names begin with.')
      .regex(/^[a-z][a-z0-9_]*$/, 'write a-z, 0-9 and _')
      .default('acmex'),
  });
}

/** `[cli]`: how the program speaks. */
export function cliTable() {
  return z.strictObject({
    output_format: choice(['text', 'json', 'csv'], 'The form of results.').default('text'),
    colors: switched('Colours; on a terminal alone by default.').optional(),
    log_level: choice(['error', 'warn', 'info', 'debug'], 'How much is said.').default('info'),
  });
}

/** `[server]`: the REST API. */
export function serverTable(secret: CredentialKey) {
  return z.strictObject({
    listen_addr: listenAddress('Where the REST API is served.').default('127.0.0.1:8080'),
    worker_listen_addr: listenAddress(
      'Where a process that works and serves no API answers /health, /health/ready and /metrics; nowhere by default.',
    ).optional(),
    answer_challenges: list(
      choice(['http-01', 'tls-alpn-01'], 'http-01 or tls-alpn-01.'),
      'What is answered for every process with the storage, where challenge says to listen.',
    ).default([]),
    board: switched(
      'Show bull-board at /board to keys of the default tenant with every name and the scope queue:write, where Redis is configured; @bull-board/api and @bull-board/fastify have to be installed.',
    ).default(false),
    api_keys: list(
      secret('API key of 128 bits and more: openssl rand -hex 32.'),
      'API keys of the tenant default that are taken beside those in the storage, with every right.',
    ).default([]),
    hosts: list(
      text('HOST or HOST:PORT.'),
      "Names under which it is asked for, beside that of listen_addr and this machine's own; others are refused.",
    ).default([]),
    trusted_proxies: list(
      text('An address or a range: 10.0.0.0/8.'),
      "Proxies that end TLS before it, and whose word on a caller's address is taken.",
    ).default([]),
    tls: z
      .strictObject(
        {
          certificate: path('File with the certificate and its chain.').optional(),
          key: path('File with its key.').optional(),
          managed: certifiedName().optional().meta({
            description:
              'In place of files: the name of a certificate that the server keeps current itself.',
          }),
        },
        { error: 'write a table with certificate and key, or with managed' },
      )
      .refine(
        ({ certificate, key, managed }) =>
          managed === undefined
            ? certificate !== undefined && key !== undefined
            : certificate === undefined && key === undefined,
        'give certificate and key, or managed',
      )
      .optional()
      .meta({
        description:
          'TLS of its own; what others than this machine can reach needs it, or a trusted proxy.',
      }),
    oidc: z
      .strictObject(
        {
          issuer: httpsUrl('Who issues tokens, as their iss says it.'),
          audience: text('Whom tokens are for, as their aud says it.'),
          jwks_url: httpsUrl(
            'Where its keys are; found by its discovery document otherwise.',
          ).optional(),
          tenant_claim: text('The claim that names the tenant.').default('tenant'),
          scope_claim: text(
            'The claim with the scopes: text with blanks between, or a list.',
          ).default('scope'),
          names_claim: text(
            'The claim with the names that the caller may use; all of the tenant by default.',
          ).optional(),
        },
        { error: 'write a table with issuer and audience' },
      )
      .optional()
      .meta({
        description: 'Tokens of an OpenID Connect provider that are taken as API keys are.',
      }),
    webhooks: list(
      z.strictObject({
        name: ownName('What logs call it.'),
        tenant: ownName('Whose certificates it acts on.').default('default'),
        secret: secret(
          'Shared with the sender: whsec_ and base64, or any text of 24 characters and more.',
        ),
      }),
      'Senders whose POST /webhook is taken, signed by the Standard Webhooks scheme.',
    ).default([]),
  });
}

/** `[tenants.NAME]`: who shares the server, and what each may do. */
export function tenantsTable() {
  const tenant = z.strictObject({
    names: list(
      text('example.com, *.example.com for all below it, or *.'),
      'Names that its certificates may be for.',
    ).min(1, 'write at least one: ["*.team.example"]'),
    issuers: list(
      ownName('One of issuers, or what [acme] is called.'),
      'CAs that it may use; all by default.',
    ).optional(),
    dns_providers: list(
      ownName('One of challenge.dns01.providers.'),
      'Those who may write records for it; all by default.',
    ).optional(),
    max_certificates: whole('How many certificates it may have.', {
      from: 1,
      to: 10_000_000,
    }).optional(),
    max_orders_per_hour: whole('How many orders it may submit in an hour.', {
      from: 1,
      to: 1_000_000,
    }).optional(),
  });
  return z.record(ownName('What API keys and tokens call it.'), tenant).default({}).meta({
    description:
      'Tenants of the REST API, by name. Without any there is one, default, which may do everything and shares its certificates with the command line.',
  });
}
