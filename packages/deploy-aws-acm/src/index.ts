export { awsAcm, type AwsAcmOptions } from './aws-acm.ts';
