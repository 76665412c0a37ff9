import { announceFailure } from './announce.tsx';

/** Does what a button says, and announces why if that fails. */
export function attempt(action: () => Promise<void>): void {
  void action().catch(announceFailure);
}
