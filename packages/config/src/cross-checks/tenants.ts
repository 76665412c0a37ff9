import { isTable, valueAt } from '../settings.ts';
import { acmeIssuerName } from './issuers.ts';
import { type Check, fault, unknownName } from './check.ts';

/**
 * Checks that tenants name existing CAs, DNS providers and deploy targets, and webhooks and receivers
 * existing tenants.
 */
export const tenants: Check = (settings) => {
  const at = (...path: readonly string[]) => valueAt(settings.table, path);
  const [tenantTables, targetTables, named, providers, webhooks] = [
    at('tenants'),
    at('deploy'),
    at('issuers'),
    at('challenge', 'dns01', 'providers'),
    at('server', 'webhooks'),
  ];
  const tables = isTable(tenantTables) ? tenantTables : {};
  const issuers = [
    acmeIssuerName(at('acme', 'ca'), at('acme', 'ca_environment')),
    ...(isTable(named) ? Object.keys(named) : []),
  ];
  const short =
    at('challenge', 'dns01', 'api_token') === undefined
      ? []
      : [at('challenge', 'dns01', 'provider')];
  const hosts = [
    ...(Array.isArray(providers)
      ? providers.map((provider: unknown) => (isTable(provider) ? provider['name'] : undefined))
      : []),
    ...short,
  ].filter((name) => typeof name === 'string');
  const targets = isTable(targetTables) ? Object.keys(targetTables) : [];
  const unknown = (path: readonly string[], known: readonly string[], place: string) => {
    const list = at(...path);
    return Array.isArray(list)
      ? list.map((name: unknown, index) =>
          typeof name === 'string' && !known.includes(name)
            ? unknownName(settings, [...path, index], name, known, place)
            : undefined,
        )
      : [];
  };
  const names = Object.keys(tables).length === 0 ? ['default'] : Object.keys(tables);
  return [
    ...Object.keys(tables).flatMap((tenant) => [
      ...unknown(['tenants', tenant, 'issuers'], issuers, 'issuers'),
      ...unknown(['tenants', tenant, 'dns_providers'], hosts, 'challenge.dns01.providers'),
      ...unknown(['tenants', tenant, 'deploy_targets'], targets, 'deploy'),
    ]),
    ...unknown(['server', 'deploy_targets'], targets, 'deploy'),
    at('server', 'deploy_targets') !== undefined && Object.keys(tables).length > 0
      ? fault(
          settings,
          ['server', 'deploy_targets'],
          'does not count where there are tenants',
          'write deploy_targets in the table [tenants.NAME] of each tenant that may name them',
        )
      : undefined,
    ...(Array.isArray(webhooks) ? webhooks : []).map((webhook: unknown, index) => {
      const tenant = isTable(webhook) ? (webhook['tenant'] ?? 'default') : 'default';
      return typeof tenant === 'string' && !names.includes(tenant)
        ? unknownName(settings, ['server', 'webhooks', index, 'tenant'], tenant, names, 'tenants')
        : undefined;
    }),
    ...receiverTenants(settings, names),
  ];
};

function receiverTenants(settings: Parameters<Check>[0], names: readonly string[]) {
  return ['webhooks', 'email'].flatMap((kind) => {
    const receivers = valueAt(settings.table, ['notifications', kind]);
    return (Array.isArray(receivers) ? receivers : []).flatMap((receiver: unknown, index) => {
      const tenants = isTable(receiver) ? receiver['tenants'] : undefined;
      return (Array.isArray(tenants) ? tenants : []).map((tenant: unknown, position) => {
        const path = ['notifications', kind, index, 'tenants', position];
        return typeof tenant === 'string' && !names.includes(tenant)
          ? unknownName(settings, path, tenant, names, 'tenants')
          : undefined;
      });
    });
  });
}
