import { checkOptions } from "../arguments.js";
import type { WithPrefix } from "./attention-module.js";
import { skipInit, together } from "./initialization.js";
import { load, type Module } from "./module.js";
import type { StateDictLike } from "./state-dict.js";

/**
 * A module that is made of others, filled from a dictionary: nothing is drawn, and when anything is wrong nothing is left behind.
 * `create` makes it, of its options without the prefix.
 */
export const moduleFrom = <M extends Module, Options extends object>(
  operation: string,
  dict: StateDictLike,
  options: WithPrefix<Options> | undefined,
  names: readonly (keyof Options & string)[],
  create: (options: Options) => M,
): M =>
  together(() => {
    const { prefix, ...own } = checkOptions<WithPrefix<Options>>(operation, options, [...names, "prefix"]);
    const module = skipInit(() => create(own as unknown as Options));
    load(operation, module, dict, { prefix });
    return module;
  });
