// Counts everything in one process, and writes the counts to its standard output. Bundled by the
// test.
import { allocationCosts } from './allocations.testing.ts';
import { apiCosts } from './api.testing.ts';
import { managedCosts } from './managed.testing.ts';
import { issuanceCosts } from './requests.testing.ts';

const costs = {
  ...(await issuanceCosts()),
  ...(await managedCosts()),
  ...(await allocationCosts()),
  ...(await apiCosts()),
};
process.stdout.write(`${JSON.stringify(costs, undefined, 1)}\n`);
