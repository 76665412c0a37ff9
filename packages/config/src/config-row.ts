/** A value of a configuration, for people. */
export interface ConfigRow {
  /** As `acme.contact`. */
  readonly key: string;
  /** As JSON; a credential as `[secret]`. */
  readonly value: string;
  /** As `/etc/acmex/acmex.toml:7`. */
  readonly origin: string;
}
