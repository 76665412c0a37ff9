/** One of Azure's clouds: the public one, or a sovereign one. */
export type AzureCloud = 'public' | 'usgovernment' | 'china';

export interface CloudPlaces {
  /** Where Entra ID gives access tokens. */
  readonly authority: string;
  /** The URL of Azure Resource Manager. */
  readonly management: string;
  /** What access tokens are for. */
  readonly resource: string;
}

export const clouds: Readonly<Record<AzureCloud, CloudPlaces>> = {
  public: {
    authority: 'https://login.microsoftonline.com',
    management: 'https://management.azure.com',
    resource: 'https://management.azure.com',
  },
  usgovernment: {
    authority: 'https://login.microsoftonline.us',
    management: 'https://management.usgovcloudapi.net',
    resource: 'https://management.core.usgovcloudapi.net',
  },
  china: {
    authority: 'https://login.chinacloudapi.cn',
    management: 'https://management.chinacloudapi.cn',
    resource: 'https://management.core.chinacloudapi.cn',
  },
};
