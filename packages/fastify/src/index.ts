export { acmex, type AcmexOptions } from './acmex.ts';
