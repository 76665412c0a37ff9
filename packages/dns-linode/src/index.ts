export { linode, type LinodeOptions } from './linode.ts';
