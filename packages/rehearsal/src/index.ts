export {
  announcedModel,
  type CaModel,
  lifetimeAt,
  type LifetimeChange,
  suggestedWindow,
} from './ca-model.ts';
export { chart } from './chart.ts';
export { rehearse } from './rehearse.ts';
export type {
  BudgetUse,
  Incident,
  Outage,
  RehearsedCertificate,
  RehearsedDay,
  Rehearsal,
  RehearseOptions,
} from './scenario.ts';
