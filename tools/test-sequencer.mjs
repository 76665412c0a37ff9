// The order of the test files: a long file that starts last costs its whole length.
import { relative, sep } from 'node:path';
import TestSequencer from '@jest/test-sequencer';

const root = `${import.meta.dirname}/..`;

/** The files that take longest, the longest first: `npm test` prints their seconds at its end. */
export const slowFiles = [
  'apps/server/src/team/team.system.test.ts',
  'packages/ca/src/interop/interop.system.test.ts',
  'apps/cli/src/dashboard/dashboard.system.test.ts',
  'apps/cli/src/dashboard/adverse.system.test.ts',
  'packages/rehearsal/src/rehearse.test.ts',
  'apps/cli/src/delivery/delivery.system.test.ts',
  'apps/cli/src/check/as-service.system.test.ts',
  'packages/manager/src/several-cas.test.ts',
  'apps/cli/src/tracing/tracing.system.test.ts',
  'apps/cli/src/program.test.ts',
  'apps/cli/src/device-keys.system.test.ts',
  'apps/cli/src/configured.system.test.ts',
  'apps/server/src/serve.test.ts',
  'apps/cli/src/dns/providers.system.test.ts',
  'apps/cli/src/audit.test.ts',
  'packages/orchestrator/src/budgeted-order.test.ts',
  'packages/storage-file/src/kills.system.test.ts',
  'apps/cli/src/managed/notify.test.ts',
  'packages/config/src/dns/open.test.ts',
  'apps/cli/src/drafts.system.test.ts',
  'packages/manager/src/served-checks.test.ts',
  'apps/cli/src/storage.system.test.ts',
  'packages/observability/src/audit/prune-audit-log.test.ts',
  'apps/cli/src/ca.system.test.ts',
  'packages/config/src/dns/recorded.test.ts',
  'packages/observability/src/audit/audit-log.test.ts',
  'packages/orchestrator/src/key-pair.test.ts',
  'apps/cli/src/managed.system.test.ts',
  'apps/cli/src/info/info.system.test.ts',
  'apps/cli/src/agent.system.test.ts',
  'packages/dns-hooks/src/hooks.system.test.ts',
  'packages/manager/src/lifetimes.system.test.ts',
  'packages/orchestrator/src/declaration.test.ts',
  'apps/cli/src/daemon.system.test.ts',
  'packages/storage-file/src/commit-mutex.test.ts',
  'apps/server/src/orders/orders.test.ts',
  'packages/manager/src/renewal-simulation.test.ts',
  'packages/ca/src/own-client.system.test.ts',
  'packages/manager/src/provision-kills.system.test.ts',
  'packages/manager/src/preconditions.test.ts',
  'packages/config/src/dns/host-failures.test.ts',
  'apps/server/src/http/every-route.test.ts',
  'apps/server/src/tenants.test.ts',
  'packages/storage-file/src/file-storage.test.ts',
];

/** Starts the slow files first. Jest orders all others, by their last run or by their size. */
export default class SlowFirstSequencer extends TestSequencer {
  sort(tests) {
    return super.sort([...tests]).sort((a, b) => rankOf(a) - rankOf(b));
  }
}

function rankOf({ path }) {
  const rank = slowFiles.indexOf(relative(root, path).split(sep).join('/'));
  return rank < 0 ? slowFiles.length : rank;
}
