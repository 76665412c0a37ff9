// One verification of a usual chain by each verifier, and what each of them has read before. Called
// by `child.mjs`.
import { X509Certificate } from 'node:crypto';
import { parseCertificate, readTrustAnchors, verifyChain } from '@acmex/certificate';

const verifiers = {
  /** The anchor is read once, as a program does. */
  acmex({ leaf, intermediate, root, name }) {
    const anchors = readTrustAnchors([root]);
    const options = { anchors, intermediates: [intermediate], name: { type: 'dns', value: name } };
    return () => verifyChain(leaf, options).isValid;
  },
  /** What libcrypto does at least: it reads two certificates, and checks two signatures. */
  libcrypto({ leaf, intermediate, root }) {
    const anchor = new X509Certificate(root);
    return () => {
      const issuer = new X509Certificate(intermediate);
      return new X509Certificate(leaf).verify(issuer.publicKey) && issuer.verify(anchor.publicKey);
    };
  },
  async pkijs({ leaf, intermediate, root }, { peer }) {
    const { Certificate, CertificateChainValidationEngine } = await import(peer);
    const trustedCerts = [Certificate.fromBER(root)];
    return async () => {
      const certs = [intermediate, leaf].map((der) => Certificate.fromBER(der));
      const { result } = await new CertificateChainValidationEngine({
        trustedCerts,
        certs,
      }).verify();
      return result;
    };
  },
  parseCertificate({ leaf }) {
    return () => parseCertificate(leaf).isCa === false;
  },
  X509Certificate({ leaf }) {
    return () => new X509Certificate(leaf).ca === false;
  },
  async fromBER({ leaf }, { peer }) {
    const { Certificate } = await import(peer);
    return () => Certificate.fromBER(leaf).version === 2;
  },
};

export async function open({ verifier, chain, peer, batch }) {
  const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64'));
  const certificates = {
    ...{ leaf: bytes(chain.leaf), intermediate: bytes(chain.intermediate) },
    ...{ root: bytes(chain.root), name: chain.name },
  };
  const verify = await verifiers[verifier](certificates, { peer });
  return {
    async issue() {
      // A promise for each call would cost more than some calls do.
      for (let count = 0; count < batch; count += 1) {
        const result = verify();
        if ((typeof result === 'boolean' ? result : await result) !== true)
          throw new Error(`${verifier} refuses the chain`);
      }
    },
    close: () => undefined,
  };
}
