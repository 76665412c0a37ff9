import type { DeployTarget } from '@acmex/deploy';
import type { OptionForm } from '../option-value.ts';

/** An option of a deploy target: an item of `acmex.deploy.options` in its package.json. */
export interface DeployOption<Name extends string = string> extends OptionForm {
  /** Its name in the options of the factory. */
  readonly option: Name;
  /** As acmex.toml calls it; by default the option in snake_case. */
  readonly key?: string;
  readonly optional?: boolean;
  /** For a person, without a full stop. */
  readonly description: string;
}

/** A kind of deploy target, as a package.json describes it. */
export interface DeployKind<Name extends string = string> {
  /** As `type` in `[deploy.NAME]`. */
  readonly type: string;
  readonly title: string;
  /** What has to be installed. */
  readonly package: string;
  readonly options: readonly DeployOption<Name>[];
  /** It runs a program, which sees PATH, HOME, LANG and TZ. */
  readonly environment?: boolean;
  readonly links: { readonly api?: string };
}

/** A kind with the code that it is opened by. */
export interface OpenableDeployKind extends DeployKind {
  readonly load: () => Promise<(options: Readonly<Record<string, unknown>>) => DeployTarget>;
}

/**
 * A kind whose options the factory knows, every one: what package.json says otherwise, the compiler
 * refuses.
 */
export function deployKind<Options>(
  kind: DeployKind<keyof NonNullable<Options> & string> & {
    readonly load: () => Promise<(options: Options) => DeployTarget>;
  },
): OpenableDeployKind {
  // Which values fit is what the schema of the configuration says, which is made from the same.
  return kind as unknown as OpenableDeployKind;
}
