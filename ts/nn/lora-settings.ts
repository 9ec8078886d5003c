import { checkBoolean, checkInteger, checkNumber, checkOptions } from "../arguments.js";
import { rangeError, typeError } from "../errors.js";
import { kindOf } from "../kind.js";

/** Options of `addLora`: PEFT's `LoraConfig` in camelCase. */
export interface LoraOptions {
  /**
   * Which layers get an adapter: those whose path is one of these names, or ends with "." and one of them; or, as a string, those
   * whose whole path a regular expression matches, in Python's syntax.
   */
  targetModules: string | readonly string[];
  /** The rank, at least 1. Default: 8. */
  r?: number;
  /** The product counts loraAlpha / r times, or with `useRslora` loraAlpha / √r times. Default: 8. */
  loraAlpha?: number;
  /** Probability of dropping an element of a linear layer's input, for the adapter alone and in training mode. Default: 0. */
  loraDropout?: number;
  /** Rank-stabilized: by √r in place of r. (Kalajdzievski 2023.) Default: false. */
  useRslora?: boolean;
  /** Other ranks, by regular expressions that match a path or what comes behind one of its dots. The first counts. */
  rankPattern?: Readonly<Record<string, number>>;
  /** Other values of `loraAlpha`, likewise. */
  alphaPattern?: Readonly<Record<string, number>>;
  /** Modules that learn as a whole and belong to the adapter's file: those whose path ends with one of these. Default: none. */
  modulesToSave?: readonly string[];
}

/** The options, checked and complete. */
export type LoraSettings = Readonly<Required<LoraOptions>>;

/** A check: gives what was checked, which later changes of the caller's don't reach. */
type Check<T> = (operation: string, argument: string, value: unknown) => T;

/** An option: its name in PEFT's file, its default (undefined for none), its check. */
type Field<T> = readonly [json: string, fallback: T | undefined, check: Check<T>];

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");

function checkTargets(operation: string, argument: string, value: unknown): string | string[] {
  if (typeof value === "string") return value;
  if (!isTexts(value)) throw typeError(operation, argument, "an array of names or a regular expression", value);
  if (value.length === 0) throw rangeError(operation, argument, "at least one name", value);
  return [...value];
}

function checkNames(operation: string, argument: string, value: unknown): string[] {
  if (!isTexts(value)) throw typeError(operation, argument, "an array of names", value);
  return [...value];
}

const checkPattern =
  (check: Check<number>): Check<Record<string, number>> =>
  (operation, argument, value) => {
    if (kindOf(value) !== "Object") throw typeError(operation, argument, "an object of numbers by pattern", value);
    for (const [key, number] of Object.entries(value as object)) check(operation, `${argument}[${key}]`, number);
    return { ...(value as Record<string, number>) };
  };

const checkRank: Check<number> = (operation, argument, value) => checkInteger(operation, argument, value, 1);
const checkAlpha: Check<number> = (operation, argument, value) => checkNumber(operation, argument, value);

const fields: { readonly [K in keyof LoraSettings]: Field<LoraSettings[K]> } = {
  targetModules: ["target_modules", undefined, checkTargets],
  r: ["r", 8, checkRank],
  loraAlpha: ["lora_alpha", 8, checkAlpha],
  loraDropout: ["lora_dropout", 0, (operation, argument, value) => checkNumber(operation, argument, value, 0, 1)],
  useRslora: ["use_rslora", false, checkBoolean],
  rankPattern: ["rank_pattern", {}, checkPattern(checkRank)],
  alphaPattern: ["alpha_pattern", {}, checkPattern(checkAlpha)],
  modulesToSave: ["modules_to_save", [], checkNames],
};

const names = Object.keys(fields) as (keyof LoraSettings)[];

/** Checks the options of `addLora`. Throws TypeError and RangeError. */
export function readSettings(operation: string, options: LoraOptions): LoraSettings {
  const given = checkOptions<LoraOptions>(operation, options, names);
  const read = (name: keyof LoraSettings): unknown => {
    const [, fallback, check] = fields[name];
    const value = given[name];
    return value === undefined && fallback !== undefined ? fallback : check(operation, name, value);
  };
  return Object.fromEntries(names.map((name) => [name, read(name)])) as unknown as LoraSettings;
}

/** An option's name in PEFT's file. */
export const jsonName = (name: keyof LoraSettings): string => fields[name][0];

/** Of PEFT's file: what tells of the base model or of how training began, and changes nothing that is computed here. */
const informative: ReadonlySet<string> = new Set([
  "auto_mapping",
  "base_model_name_or_path",
  "eva_config",
  // How GPT-2's base weights lie; the adapter's lie as ever.
  "fan_in_fan_out",
  "inference_mode",
  "megatron_core",
  "peft_version",
  "qalora_group_size",
  "revision",
  "task_type",
]);

/** Keys that must have one of these values, if they are there. */
const required: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ["bias", ["none"]],
  // Others change the base weights when the adapter is made.
  ["init_lora_weights", [true, false, "gaussian", "eva", "orthogonal"]],
]);

/** Whether a value of PEFT's file says that something isn't used. */
const isOff = (value: unknown): boolean =>
  value === null || value === false || (typeof value === "object" && value !== null && Object.keys(value).length === 0);

/**
 * Reads what PEFT's `adapter_config.json` says, and tells `refuse` of all that is wrong, of all that would be computed otherwise
 * in PEFT, and of what is unknown but for being switched off. Undefined settings were refused.
 */
export function readConfig(
  operation: string,
  config: Readonly<Record<string, unknown>>,
  refuse: (problem: Error | string) => void,
): LoraSettings | undefined {
  const expected = (key: string, what: string): void => refuse(typeError(operation, key, what, config[key]));
  const settings: Partial<Record<keyof LoraSettings, unknown>> = {};
  for (const name of names) {
    const [json, fallback, check] = fields[name];
    const value = config[json] ?? undefined;
    try {
      settings[name] = value === undefined && fallback !== undefined ? fallback : check(operation, json, value);
    } catch (error) {
      refuse(error as Error);
    }
  }
  if (config.peft_type !== "LORA") expected("peft_type", '"LORA"');
  const known = new Set(["peft_type", ...names.map(jsonName), ...informative]);
  for (const [key, value] of Object.entries(config)) {
    const values = required.get(key);
    if (values?.includes(value) ?? (known.has(key) || isOff(value))) continue;
    expected(
      key,
      values === undefined ? "none, since it isn't computed here" : values.map((x) => JSON.stringify(x)).join(" or "),
    );
  }
  return names.every((name) => name in settings) ? (settings as unknown as LoraSettings) : undefined;
}

/** The settings as PEFT's file has them. */
export const configOf = (settings: LoraSettings): Record<string, unknown> => ({
  ...Object.fromEntries(names.map((name) => [jsonName(name), settings[name]])),
  // PEFT's way to say none.
  modules_to_save: settings.modulesToSave.length > 0 ? settings.modulesToSave : null,
  peft_type: "LORA",
  bias: "none",
});
