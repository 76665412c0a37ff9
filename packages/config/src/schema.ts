import { systemClock } from '@acmex/clock';
import { z } from 'zod';
import { credentialKey, type CredentialAccess } from './credential.ts';
import { acmeTable, issuersTable } from './tables/acme.ts';
import { certificatesTable } from './tables/certificates.ts';
import { challengeTable } from './tables/challenge.ts';
import { notificationsTable } from './tables/notifications.ts';
import { cliTable, metricsTable, serverTable, tenantsTable } from './tables/program.ts';
import { renewalTable } from './tables/renewal.ts';
import { redisTable, storageTable } from './tables/storage.ts';

/** The whole file. What it does not say is filled in; what it must not say is refused. */
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
    challenge: challengeTable(secret)
      .prefault({})
      .meta({ description: 'How control of names is proved.' }),
    renewal: renewalTable()
      .prefault({})
      .meta({ description: 'When certificates are renewed, and what runs then.' }),
    certificates: certificatesTable(),
    notifications: notificationsTable(secret).prefault({}).meta({ description: 'Who is told.' }),
    metrics: metricsTable().prefault({}).meta({ description: 'Figures for Prometheus.' }),
    cli: cliTable().prefault({}).meta({ description: 'How the program speaks.' }),
    server: serverTable(secret).prefault({}).meta({ description: 'The REST API.' }),
    tenants: tenantsTable(),
  });
}

/** For who asks for the form of a configuration, and reads none. */
const formOnly: CredentialAccess = { environment: {}, clock: systemClock };

export type JsonSchema = z.core.JSONSchema.BaseSchema;

/**
 * JSON Schema (draft 2020-12) of `acmex.toml`, for editors that help with it. Credentials are `writeOnly`.
 * `[[issuers]]` is known to it as `[issuers.NAME]` alone, and `type` of a DNS provider is required.
 */
export function configSchema(): JsonSchema {
  return schemaOf(configTables(formOnly));
}

export function schemaOf(tables: ReturnType<typeof configTables>): JsonSchema {
  return z.toJSONSchema(tables, {
    io: 'input',
    // What is filled in for a table that is absent is said by its keys.
    override: ({ jsonSchema }) => {
      if (jsonSchema.type === 'object') delete jsonSchema.default;
    },
  });
}
