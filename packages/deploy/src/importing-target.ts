import { filesOf } from './bundle.ts';
import { DeployError } from './errors.ts';
import type { CompleteBundle, DeployTarget, TargetCallOptions } from './target.ts';

/**
 * A place for one certificate that never shows its private key, and that gives the certificate an
 * id of its own.
 */
export interface ImportPlace {
  /** Returns what is there; undefined where nothing is. */
  find(known: KnownImport, options: TargetCallOptions): Promise<FoundImport | undefined>;
  /**
   * Puts a certificate in use: in place of the one with this id, or as a new one.
   * @returns the id, which may be another one than before
   */
  write(
    bundle: CompleteBundle,
    id: string | undefined,
    options: TargetCallOptions,
  ): Promise<string>;
  /** Resolves when the place uses what it took; not needed where it does so at once. */
  confirm?(id: string, options: TargetCallOptions): Promise<void>;
  /** Removes a certificate; one that is gone already is a success. */
  remove(id: string, options: TargetCallOptions): Promise<void>;
}

/** What the target remembers of its certificate. */
export interface KnownImport {
  readonly id?: string | undefined;
  /** The PEM of a leaf that was sent, but whose answer was not seen: its id may be another one. */
  readonly pending?: string | undefined;
}

export interface FoundImport {
  readonly id: string;
  /** Lower-case hexadecimal; undefined where the place does not show it. */
  readonly serialNumber?: string | undefined;
}

/** As it is stored with the secrets. */
interface Remembered extends KnownImport {
  readonly serialNumber?: string | undefined;
  /** Until the certificate is committed: whether it made the place, or replaced what was there. */
  readonly uncommitted?: 'new' | 'replaced' | undefined;
}

/**
 * Returns a target whose places are written without being read: the former certificate is put back
 * from what AcmeX deployed before. A certificate that another program has put there cannot be put
 * back, as its private key cannot be read.
 * @param name of its kind, for messages
 * @param placeOf returns the place of a certificate
 */
export function importingTarget(
  name: string,
  placeOf: (bundle: CompleteBundle) => ImportPlace,
): DeployTarget {
  return {
    name,
    async stage(bundle, { former, memory, signal }) {
      const place = placeOf(bundle);
      let known = remembered(name, await memory.read());
      const remember = async (next: Remembered) => {
        known = next;
        await memory.write(JSON.stringify(next));
      };
      const present = await place.find(known, { signal });
      const serialBefore = serialNumberOf(present, known);
      const isApplied = serialBefore === bundle.serialNumber;
      // A process may have ended after its commit, before AcmeX stored that it was deployed.
      if (isApplied && former && former.serialNumber !== bundle.serialNumber)
        known = { ...known, uncommitted: known.uncommitted ?? 'replaced' };
      const write = async (certificate: CompleteBundle, options: TargetCallOptions) => {
        // An earlier attempt may have changed the id without seeing it.
        const target = await place.find(known, options);
        const uncommitted = known.uncommitted ?? (target ? 'replaced' : 'new');
        const { certificate: pending } = filesOf(certificate);
        await remember({ ...known, id: target?.id, uncommitted, pending });
        const id = await place.write(certificate, target?.id, options);
        await remember({ id, serialNumber: certificate.serialNumber, uncommitted });
        await place.confirm?.(id, options);
      };
      return {
        async apply(options) {
          if (present && isApplied) await place.confirm?.(present.id, options);
          else await write(bundle, options);
        },
        async commit() {
          await remember({ ...known, uncommitted: undefined });
        },
        async rollBack(options) {
          if (known.uncommitted === undefined) return { serialNumber: serialBefore };
          if (known.uncommitted === 'new') {
            const made = await place.find(known, options);
            if (made) await place.remove(made.id, options);
            await remember({});
            return { serialNumber: undefined };
          }
          if (!former) throw notRestorable(name);
          await write(former, options);
          await remember({ ...known, uncommitted: undefined });
          return { serialNumber: former.serialNumber };
        },
      };
    },
  };
}

/** Returns what the place shows; otherwise what was written there last, and was answered. */
function serialNumberOf(present: FoundImport | undefined, known: Remembered): string | undefined {
  if (!present || present.serialNumber !== undefined) return present?.serialNumber;
  return known.pending === undefined ? known.serialNumber : undefined;
}

/** @throws DeployError where the text is not that of a target of this kind */
function remembered(name: string, text: string | undefined): Remembered {
  try {
    // What is stored there, this target has written.
    return text === undefined ? {} : (JSON.parse(text) as Remembered);
  } catch {
    throw new DeployError(
      'ERR_DEPLOY_TARGET',
      `${name}: what is stored about this certificate was written by a target of another kind: use a new name for the table of the target`,
    );
  }
}

function notRestorable(name: string): DeployError {
  return new DeployError(
    'ERR_DEPLOY_REFUSED',
    `${name}: the former certificate was not deployed by AcmeX, or is not stored any more, and its private key cannot be read there: put it back by hand if you need it`,
  );
}
