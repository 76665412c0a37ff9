export { acmeShDeploy, type AcmeShDeployOptions } from './acme-sh.ts';
