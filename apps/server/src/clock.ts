/** The clock of the server, which controllers are made with. */
export const CLOCK = Symbol('clock');
