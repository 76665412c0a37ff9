export { alibaba } from './alibaba.ts';
export type { AlibabaOptions } from './options.ts';
