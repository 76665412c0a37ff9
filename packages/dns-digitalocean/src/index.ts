export { digitalocean, type DigitaloceanOptions } from './digitalocean.ts';
