/** Every format of certificates and keys, behind two functions. */
export {
  type BundleFormat,
  bundleFormatNames,
  bundleFormats,
  type BundleFormatTraits,
} from './formats/bundle-formats.ts';
export {
  type CertificateBundle,
  exportBundle,
  type ExportRequest,
} from './formats/export-bundle.ts';
export { type ReadBundle, readBundle, type ReadBundleOptions } from './formats/read-bundle.ts';
