import { readFile } from "node:fs/promises";
import { loadSafetensors, saveSafetensors, scaledDotProductAttention, Tensor } from "wasm-attention";
import { CommandError, fileError, messageOf } from "./errors.mjs";
import { timed } from "./timing.mjs";

/** What tensors may be called in a file, in any case. */
const acceptedNames = {
  query: ["q", "query"],
  key: ["k", "key"],
  value: ["v", "value"],
  mask: ["mask", "attn_mask", "attention_mask"],
};

/** @typedef {keyof typeof acceptedNames} Role */
/** @typedef {NonNullable<Parameters<typeof scaledDotProductAttention>[3]>} AttentionOptions */
/** @typedef {{ name: string, shape: readonly number[], dtype: string }} Description */

/** @param {string} name @param {{ shape: readonly number[], dtype: string }} tensor */
const describe = (name, { shape, dtype }) => ({ name, shape, dtype });

/**
 * The name of the tensor with a role, if there is one.
 * @param {string} file
 * @param {readonly string[]} names
 * @param {Role} role
 */
function findName(file, names, role) {
  const found = names.filter((name) => acceptedNames[role].includes(name.toLowerCase()));
  if (found.length > 1) {
    throw new CommandError(`${file}: expected one tensor for the ${role}, got ${found.join(" and ")}`);
  }
  return found.at(0);
}

/** @param {string} file */
async function readBytes(file) {
  try {
    return await readFile(file);
  } catch (error) {
    throw fileError("read", file, error);
  }
}

/**
 * Does something with a file's content; the package's errors don't know which file it is.
 * @template Result
 * @param {string} file
 * @param {() => Result} action
 */
function about(file, action) {
  try {
    return action();
  } catch (error) {
    throw new CommandError(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Attention over the tensors of a safetensors file. Returns what was found, what came out, and the results as the bytes
 * of another such file: "output", and "weights" with `needWeights`.
 * @param {string} file
 * @param {AttentionOptions} options
 */
export async function attendToFile(file, options) {
  const bytes = await readBytes(file);
  const { tensors } = about(file, () => loadSafetensors(bytes));
  const names = [...tensors.keys()];
  /** @param {Role} role */
  const find = (role) => {
    const name = findName(file, names, role);
    const tensor = name === undefined ? undefined : tensors.get(name);
    if (name === undefined || tensor === undefined) return undefined;
    if (tensor instanceof Tensor) return { name, tensor };
    const expected = role === "mask" ? "bool, float32, float16 or bfloat16" : "float32, float16 or bfloat16";
    throw new CommandError(`${file}: ${name}: expected ${expected}, got ${tensor.dtype}`);
  };
  const found = { query: find("query"), key: find("key"), value: find("value"), mask: find("mask") };
  const { query, key, value, mask } = found;
  if (query === undefined || key === undefined || value === undefined) {
    const missing = /** @type {const} */ (["query", "key", "value"]).filter((role) => found[role] === undefined);
    const wanted = missing.map((role) => acceptedNames[role].join(" or ")).join(", ");
    throw new CommandError(`${file}: expected tensors named ${wanted}; there are ${names.join(", ") || "none"}`);
  }

  const inputs = [query, key, value, ...(mask === undefined ? [] : [mask])];
  const call = () =>
    scaledDotProductAttention(query.tensor, key.tensor, value.tensor, { ...options, attnMask: mask?.tensor });
  const { output, weights, milliseconds } = about(file, () => timed(call));
  /** @type {Record<string, Tensor>} */
  const results = weights === undefined ? { output } : { output, weights };
  return {
    inputs: inputs.map(({ name, tensor }) => describe(name, tensor)),
    ignored: names.filter((name) => inputs.every((input) => input.name !== name)),
    outputs: Object.entries(results).map(([name, tensor]) => describe(name, tensor)),
    preview: String(output),
    save: () => saveSafetensors(results),
    milliseconds,
  };
}
