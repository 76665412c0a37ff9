export { describeWith } from './describe-with.ts';
export { freePort } from './free-port.ts';
export { type Pebble, type PebbleOptions, startPebble } from './pebble.ts';
export { type Program, type ProgramOptions, startProgram } from './program.ts';
