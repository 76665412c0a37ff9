export { type Log, logError } from '@acmex/observability';

export const LOG = Symbol('log');
