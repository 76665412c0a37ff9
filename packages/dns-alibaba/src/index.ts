export { alibaba, type AlibabaOptions } from './alibaba.ts';
