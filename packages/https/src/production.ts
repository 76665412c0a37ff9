import { http01SharedHandler } from '@acmex/challenge/http-01';
import type { KeyType } from '@acmex/certificate';
import { tlsAlpn01Contexts } from '@acmex/challenge/tls-alpn-01';
import { storedResponses } from '@acmex/manager';
import { Certificates } from './certificates.ts';
import { OcspStaples } from './ocsp-staples.ts';
import { OnDemand } from './on-demand.ts';
import { assertAuthorities, storageFor, wantedNames } from './options.ts';
import type { DefaultCertificate } from './servers.ts';
import type { CertificateSource, SourceContext } from './source.ts';
import { ticketKeys } from './ticket-keys.ts';
import { WantedNames } from './wanted-names.ts';

/**
 * Obtains certificates from the CA, and renews them; or serves those that a process with the same
 * storage has obtained.
 * @throws HttpsError `ERR_HTTPS_OPTION`; StorageError where the storage cannot be used
 */
export async function productionSource(context: SourceContext): Promise<CertificateSource> {
  const { options, place, clock, servers, onServed, onError } = context;
  const lists = wantedNames(options);
  assertAuthorities(options);
  const { storage: unwatched, isOwned } = storageFor(options);
  const storage = options.watch?.watchStorage(unwatched) ?? unwatched;
  const open: AsyncDisposable[] = isOwned ? [unwatched] : [];
  const close = async () => {
    for (const opened of open.splice(0).reverse()) await opened[Symbol.asyncDispose]();
  };
  try {
    servers.rotate(await ticketKeys(storage, clock, onError));
    const name = lists[0]?.[0]?.replace(/^\*\./, '') ?? 'localhost';
    const { allowResponders: allow } = options;
    const staples = new OcspStaples({ storage, clock, allow, onError });
    open.push(staples);
    const certificates = new Certificates({
      ...{ settings: options, storage, place, clock, onError },
      onServed(certificate) {
        if (certificate.names.includes(lists[0]?.[0] ?? '')) servers.present(certificate);
        onServed(certificate);
      },
      onLoaded(certificate) {
        if (staples.add(certificate)) servers.staple(staples);
      },
    });
    open.push(certificates);
    const wanted = new WantedNames(lists, { certificates, clock, onError });
    open.push(wanted);
    // What cannot be read is reported, and read again.
    const stored = await certificates.find(name).catch(() => undefined);
    servers.present(stored ?? (await selfSigned(name, options.keyTypes?.[0])));
    certificates.keep(lists);
    const shared = storedResponses(storage, 'tls-alpn-01');
    const challenges = tlsAlpn01Contexts({ shared, clock });
    return {
      name,
      inMemory: (asked) => certificates.inMemory(asked)?.contexts,
      find: finderOf(certificates, context),
      findChallenge: async (asked) => {
        const challenge = await challenges(asked);
        return challenge && [challenge];
      },
      answer: http01SharedHandler({ shared: storedResponses(storage, 'http-01'), clock }),
      status: async () => await certificates.status(),
      async ready(signal) {
        await wanted.ready(signal);
        // It may be in memory before it is presented to clients without a server name.
        const first = await certificates.find(name);
        if (first) servers.present(first);
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Loads what makes a certificate only where it is needed: when none is stored. */
async function selfSigned(name: string, keyType?: KeyType): Promise<DefaultCertificate> {
  const made = await import('./self-signed.ts');
  return await made.selfSigned(name, keyType);
}

/** Returns what finds the certificate of a name, or obtains it where `allow` permits it. */
function finderOf(
  certificates: Certificates,
  { options: { allow, onDemandLimits = {}, watch }, clock, onError }: SourceContext,
): CertificateSource['find'] {
  const onDemand =
    allow &&
    new OnDemand({
      ...{ allow, limits: onDemandLimits, clock, onError },
      obtain: async (name) => await certificates.obtain(name),
    });
  return async (name, remoteAddress) => {
    let stored;
    try {
      stored = await certificates.find(name);
    } catch {
      // It is reported. The default certificate may be the right one, and no other is obtained.
      return undefined;
    }
    if (stored || !onDemand) return stored?.contexts;
    try {
      await onDemand.obtain(name, remoteAddress);
      watch?.onNewName();
    } catch (error) {
      watch?.onNewName(error);
      throw error;
    }
    return (await certificates.find(name))?.contexts;
  };
}
