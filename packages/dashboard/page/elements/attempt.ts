import { failureOf } from '../server.ts';
import { announce } from './announce.tsx';

/** Does what a button says, and announces why if that fails. */
export function attempt(action: () => Promise<void>): void {
  void action().catch((error: unknown) => {
    const { message, cure } = failureOf(error);
    announce(cure === undefined ? message : `${message}. ${cure}`);
  });
}
