export { route53, type Route53Options } from './route53.ts';
export type { AwsAccessKey, AwsProfile } from '@acmex/aws';
