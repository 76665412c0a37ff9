/** One of Azure's clouds: the public one, or a sovereign one. */
export type AzureCloud = 'public' | 'usgovernment' | 'china';

/** Where access tokens are given, and for what. */
export interface TokenPlace {
  /** Where Entra ID gives access tokens. */
  readonly authority: string;
  /** What access tokens are for. */
  readonly resource: string;
}

/** The places of a cloud; its access tokens are for Azure Resource Manager. */
export interface CloudPlaces extends TokenPlace {
  /** The URL of Azure Resource Manager. */
  readonly management: string;
  /** Below which the key vaults are. */
  readonly vaultDomain: string;
}

export const clouds: Readonly<Record<AzureCloud, CloudPlaces>> = {
  public: {
    authority: 'https://login.microsoftonline.com',
    management: 'https://management.azure.com',
    resource: 'https://management.azure.com',
    vaultDomain: 'vault.azure.net',
  },
  usgovernment: {
    authority: 'https://login.microsoftonline.us',
    management: 'https://management.usgovcloudapi.net',
    resource: 'https://management.core.usgovcloudapi.net',
    vaultDomain: 'vault.usgovcloudapi.net',
  },
  china: {
    authority: 'https://login.chinacloudapi.cn',
    management: 'https://management.chinacloudapi.cn',
    resource: 'https://management.core.chinacloudapi.cn',
    vaultDomain: 'vault.azure.cn',
  },
};
