export {
  type CaaQuestion,
  type CaaRecord,
  type CaaSteps,
  type CaaVerdict,
  checkCaa,
} from './caa.ts';
export { type CaaFault, type CaaIssuance } from './caa-property.ts';
export { type IssueValue, parseIssueValue } from './issue-value.ts';
