export { dns01, type Dns01Options, type Dns01Response } from './dns-01.ts';
