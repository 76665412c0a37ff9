export {
  type Admission,
  admit,
  type AdmitOptions,
  type BucketSource,
  type ChangedBuckets,
  missingCharge,
  type OrderEvent,
  reservedOf,
  settle,
} from './admission.ts';
export {
  available,
  book,
  bookAgain,
  type Bucket,
  drain,
  hold,
  isFull,
  type Limit,
  release,
  type Reserved,
  spend,
  take,
  when,
} from './bucket.ts';
export {
  type BudgetedOrder,
  type Charge,
  chargesOf,
  type Exemption,
  refusedCharges,
} from './charges.ts';
export {
  type CaLimits,
  type Endpoint,
  limitMeanings,
  type LimitName,
  limitNames,
  limitText,
  wellKnownLimits,
} from './limits.ts';
export { longestWait, type PatientOrder } from './patience.ts';
export {
  type ChosenEntry,
  plan,
  type Plan,
  planAmong,
  type PlanAmong,
  type PlanAmongOptions,
  type PlanEntry,
  type PlannedCa,
  type PlannedChoice,
  type PlannedOrder,
  type PlannedUse,
  type PlanOptions,
} from './plan.ts';
export { type PlanRefusal, refusalsOf } from './refusals.ts';
