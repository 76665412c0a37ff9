export { rfc2136, type Rfc2136Options, type TsigKey, type TsigKeyFile } from './rfc2136.ts';
export { type TsigAlgorithm } from './tsig.ts';
