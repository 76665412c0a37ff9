import { parseChain } from '@acmex/certificate';
import { type Bundle, folderName } from './bundle.ts';
import type { CompleteBundle, DeployTarget, TargetCallOptions } from './target.ts';

/** A place for one certificate, whose value is read and replaced as a whole. */
export interface CertificatePlace<Value> {
  /** Returns what is there; undefined where nothing is. */
  read(options: TargetCallOptions): Promise<PlacedValue<Value> | undefined>;
  /** Returns a certificate as the place takes it. */
  valueOf(bundle: CompleteBundle): Value;
  /** Replaces what is there. */
  write(value: Value, options: TargetCallOptions): Promise<void>;
  /** Makes the place empty, as it was before the first certificate. */
  remove(options: TargetCallOptions): Promise<void>;
}

export interface PlacedValue<Value> {
  readonly value: Value;
  /** Lower-case hexadecimal; undefined where the value has no certificate that can be read. */
  readonly serialNumber: string | undefined;
}

/**
 * Returns a target whose places are read before they are replaced, so that what was there is put
 * back, also if AcmeX did not deploy it.
 * @param name of its kind, for messages
 * @param placeOf returns the place of a certificate
 */
export function replacingTarget<Value>(
  name: string,
  placeOf: (bundle: CompleteBundle) => CertificatePlace<Value>,
): DeployTarget {
  return {
    name,
    async stage(bundle, { former, signal }) {
      const place = placeOf(bundle);
      const present = await place.read({ signal });
      // A process that ended too early may have written the new certificate already.
      const isApplied = present?.serialNumber === bundle.serialNumber;
      const before =
        isApplied && former
          ? { value: place.valueOf(former), serialNumber: former.serialNumber }
          : present;
      let isTouched = isApplied;
      return {
        async apply(options) {
          isTouched = true;
          await place.write(place.valueOf(bundle), options);
        },
        async rollBack(options) {
          if (isTouched && before) await place.write(before.value, options);
          else if (isTouched) await place.remove(options);
          return { serialNumber: before?.serialNumber };
        },
      };
    },
  };
}

/** Returns the serial number of the first certificate in a text; undefined where there is none. */
export function serialNumberIn(pem: string): string | undefined {
  try {
    return parseChain(pem)[0]?.serialNumber;
  } catch {
    return undefined;
  }
}

/**
 * Returns the path of a certificate's place: `{name}` is replaced by the name of its folder, so that
 * each certificate of a target has a place of its own.
 */
export function placePath(path: string, { names }: Pick<Bundle, 'names'>): string {
  return path.replaceAll('{name}', folderName(names));
}
