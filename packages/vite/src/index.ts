export { acmex } from './acmex.ts';
