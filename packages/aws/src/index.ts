export { type AwsAnswer, awsAnswer, awsTrouble } from './answer.ts';
export {
  type AwsAccessKey,
  type AwsConnection,
  awsConnection,
  type AwsProfile,
  unmemoized,
} from './credentials.ts';
