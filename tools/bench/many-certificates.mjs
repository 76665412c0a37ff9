// What makes a storage with very many certificates.
export { CertificateMaintenance, CertificateStore, Provisioner } from '@acmex/orchestrator';
export { memoryStorage } from '@acmex/storage';
export { fileStorage } from '@acmex/storage-file';
