export { cloudns, type CloudnsOptions, type CloudnsUser } from './cloudns.ts';
