import { isModuleMissing } from '@acmex/errors';
import { ConfigError } from './errors.ts';

/** A package, or an error that says how to install it. @param what needs it, for a person */
export async function loaded<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    // A package that is there and lacks one of its own is another fault.
    const missing = isModuleMissing(cause) && String(cause).includes(name);
    if (!missing) throw cause;
    throw new ConfigError(
      'ERR_CONFIG_PACKAGE_MISSING',
      `${what} needs the package ${name}, which is not installed: npm install ${name}`,
      { cause },
    );
  }
}
