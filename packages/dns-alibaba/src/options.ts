import type { Clock } from '@acmex/clock';
import type { Secret } from '@acmex/dns';

export interface AlibabaOptions {
  /** The AccessKey ID of a RAM user, or of temporary credentials. */
  readonly accessKeyId?: Secret;
  readonly accessKeySecret?: Secret;
  /** Of temporary credentials, which STS gives. */
  readonly securityToken?: Secret;
  /** In place of an access key: the RAM role of the ECS instance that this runs on, by its name. */
  readonly ramRole?: string;
  /**
   * The region whose endpoint is asked, as `ap-southeast-1`; the central one by default. All have
   * the same zones.
   */
  readonly region?: string;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
}
