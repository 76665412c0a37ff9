export { AcmexModule, type AcmexOptions } from './acmex-module.ts';
