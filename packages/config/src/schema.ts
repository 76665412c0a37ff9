import { systemClock } from '@acmex/clock';
import * as z from 'zod';
import { credentialKey, type CredentialAccess } from './credential.ts';
import { deployTable } from './deploy/target.ts';
import { acmeTable, issuersTable } from './tables/acme.ts';
import { caTable } from './tables/ca.ts';
import { certificatesTable } from './tables/certificates.ts';
import { challengeTable } from './tables/challenge.ts';
import { keysTable } from './tables/keys.ts';
import { networkTable } from './tables/network.ts';
import { notificationsTable } from './tables/notifications.ts';
import { auditTable, cliTable, metricsTable, serverTable, tenantsTable } from './tables/program.ts';
import { renewalTable } from './tables/renewal.ts';
import { redisTable, storageTable } from './tables/storage.ts';

/** The schema of the whole file, with its defaults. */
export function configTables(access: CredentialAccess) {
  const secret = credentialKey(access);
  return z.strictObject({
    acme: acmeTable(secret)
      .prefault({})
      .meta({ description: 'The CA that is used where no other is named.' }),
    issuers: issuersTable(secret).default({}),
    storage: storageTable(secret)
      .prefault({})
      .meta({ description: 'Where accounts, keys and certificates are kept.' }),
    redis: redisTable(secret)
      .prefault({})
      .meta({ description: 'What processes on several machines share.' }),
    keys: keysTable(secret)
      .prefault({})
      .meta({ description: 'How to sign with keys that never leave their device.' }),
    network: networkTable()
      .prefault({})
      .meta({ description: 'How other machines are reached: proxies and trusted roots.' }),
    challenge: challengeTable(secret)
      .prefault({})
      .meta({ description: 'How control of names is proved.' }),
    renewal: renewalTable()
      .prefault({})
      .meta({ description: 'When certificates are renewed, and what runs then.' }),
    deploy: deployTable(secret)
      .default({})
      .meta({ description: 'Places other than files that certificates are deployed to, by name.' }),
    certificates: certificatesTable(),
    notifications: notificationsTable(secret)
      .prefault({})
      .meta({ description: 'The receivers of events.' }),
    metrics: metricsTable().prefault({}).meta({ description: 'Figures for Prometheus.' }),
    ca: caTable().prefault({}).meta({ description: 'What acmex ca serve offers.' }),
    audit: auditTable(secret).prefault({}).meta({ description: 'Who did what.' }),
    cli: cliTable().prefault({}).meta({ description: 'How the program speaks.' }),
    server: serverTable(secret).prefault({}).meta({ description: 'The REST API.' }),
    tenants: tenantsTable(),
  });
}

/** For the schema alone: no credential is read. */
const formOnly: CredentialAccess = { environment: {}, clock: systemClock };

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/**
 * JSON Schema (draft 2020-12) of `acmex.toml`, for editors. Credentials are `writeOnly`.
 * `[[issuers]]` is known to it as `[issuers.NAME]` alone, and `type` of a DNS provider is required.
 */
export function configSchema(): JsonSchema {
  return schemaOf(configTables(formOnly));
}

export function schemaOf(tables: ReturnType<typeof configTables>): JsonSchema {
  return z.toJSONSchema(tables, {
    io: 'input',
    // The keys describe the defaults of an absent table.
    override: ({ jsonSchema }) => {
      if (jsonSchema.type === 'object') delete jsonSchema.default;
    },
  });
}
