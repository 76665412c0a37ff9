/** Access for the operator of the CA. */
export interface AdminOptions {
  /** The bearer token; 32 characters at least. */
  readonly key: string;
}
