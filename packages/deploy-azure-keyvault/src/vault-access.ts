import { accessTokens, type AzureCloud, type AzureCredentials, clouds } from '@acmex/azure';
import type { Clock } from '@acmex/clock';
import { DeployError, type TargetApi, targetApi, throwCredentialFailure } from '@acmex/deploy';
import type { Secret } from '@acmex/dns';

export interface VaultAccessOptions {
  /** `https://web.vault.azure.net` */
  readonly url: string;
  /** The tenant of the service principal. */
  readonly tenantId?: string | undefined;
  /** The service principal; without a tenant, a managed identity of the machine. */
  readonly clientId?: string | undefined;
  readonly clientSecret?: Secret | undefined;
  /** In place of a client secret: a PEM file with a certificate and its private key. */
  readonly clientCertificateFile?: string | undefined;
  /** Of that key, if it is encrypted. */
  readonly clientCertificatePassword?: Secret | undefined;
  /** In place of a client secret: the file with the token of a workload identity. */
  readonly federatedTokenFile?: string | undefined;
  /** In place of a service principal: an access token for Key Vault; read for each request. */
  readonly accessToken?: Secret | undefined;
  /** `public` by default. */
  readonly cloud?: AzureCloud | undefined;
  /** The domain of the vaults, where it is not that of the cloud. */
  readonly vaultDomain?: string | undefined;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}

/**
 * Returns what sends requests to a vault, with access tokens that are got when they are needed. A
 * token that the vault no longer takes is replaced once.
 * @throws RangeError for the URL of what is not a vault, which would get the tokens and the keys, or
 * for credentials that are not complete
 */
export function vaultApi(options: VaultAccessOptions): TargetApi {
  const { cloud = 'public', fetch, clock } = options;
  const { authority, vaultDomain } = clouds[cloud];
  const domain = options.vaultDomain ?? vaultDomain;
  const baseUrl = vaultUrl(options.url, domain);
  const transport = { ...(fetch ? { fetch } : {}), ...(clock ? { clock } : {}) };
  const place = { authority, resource: `https://${domain}` };
  const tokens = accessTokens(credentialsOf(options), place, transport);
  return async (request) => {
    const send = async (token: string) =>
      await targetApi({
        target: 'azure-keyvault',
        baseUrl,
        headers: async () => ({ authorization: `Bearer ${token}` }),
        ...transport,
      })(request);
    try {
      return await tokens.use({ signal: request.signal }, async (token) => {
        try {
          return await send(token);
        } catch (error) {
          if (error instanceof DeployError && error.code === 'ERR_DEPLOY_CREDENTIALS')
            tokens.forget();
          throw error;
        }
      });
    } catch (error) {
      throwCredentialFailure(error);
      throw error;
    }
  };
}

function vaultUrl(text: string, domain: string): string {
  const { protocol, host, hostname, pathname, search } = new URL(text);
  const isVault = /^[\da-z-]{3,24}$/.test(hostname.slice(0, -domain.length - 1));
  if (
    protocol === 'https:' &&
    isVault &&
    hostname.endsWith(`.${domain}`) &&
    `${pathname}${search}` === '/'
  )
    return `https://${host}`;
  throw new RangeError(
    `${JSON.stringify(text)} is not the URL of a vault: write it as https://NAME.${domain}, or set cloud or vault_domain`,
  );
}

function credentialsOf(options: VaultAccessOptions): AzureCredentials | undefined {
  const { tenantId, clientId, accessToken } = options;
  const proof = proofOf(options);
  if (accessToken !== undefined && (tenantId ?? clientId ?? proof) === undefined)
    return { accessToken };
  if (accessToken !== undefined)
    throw new RangeError('an access token needs no tenant_id, client_id or proof: remove them');
  if (proof === undefined && tenantId === undefined)
    return clientId === undefined ? undefined : { clientId };
  if (proof === undefined || tenantId === undefined || clientId === undefined)
    throw new RangeError(
      'a service principal needs tenant_id and client_id, and client_secret, client_certificate_file or federated_token_file: add what is missing',
    );
  return { tenantId, clientId, ...proof };
}

/** Returns by what a service principal proves who it is. */
function proofOf(options: VaultAccessOptions) {
  const { clientSecret, clientCertificateFile, federatedTokenFile } = options;
  const { clientCertificatePassword } = options;
  const proofs = [
    ...(clientSecret === undefined ? [] : [{ clientSecret }]),
    ...(clientCertificateFile === undefined
      ? []
      : [
          {
            clientCertificateFile,
            ...(clientCertificatePassword === undefined ? {} : { clientCertificatePassword }),
          },
        ]),
    ...(federatedTokenFile === undefined ? [] : [{ federatedTokenFile }]),
  ];
  if (proofs.length > 1)
    throw new RangeError(
      'client_secret, client_certificate_file and federated_token_file exclude each other: keep the one that the service principal has',
    );
  return proofs[0];
}
