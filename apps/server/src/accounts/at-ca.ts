import { AcmeError } from '@acmex/protocol';

/**
 * Does work at a CA. An error of the exchange names the CA, since the CA's own text does not.
 * @param issuer the name of the CA in the configuration
 */
export async function atCa<T>(issuer: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof AcmeError)) throw cause;
    const { code, message, problem, status, retryAfter, help } = cause;
    throw new AcmeError(code, `the CA ${issuer}: ${message}`, {
      ...(problem === undefined ? {} : { problem }),
      ...(status === undefined ? {} : { status }),
      ...{ retryAfter, help, cause },
    });
  }
}
