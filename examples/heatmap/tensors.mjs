import { readFile } from "node:fs/promises";
import { loadSafetensors, saveSafetensors, scaledDotProductAttention, scope, Tensor } from "wasm-attention";
import { CommandError, fileError } from "./errors.mjs";

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
 * The name of the tensor with a role.
 * @param {readonly string[]} names
 * @param {Role} role
 */
function findName(names, role) {
  const found = names.filter((name) => acceptedNames[role].includes(name.toLowerCase()));
  if (found.length > 1) {
    throw new CommandError(`expected one tensor for the ${role}, found ${found.join(" and ")}`);
  }
  return found.at(0);
}

/** @param {string} file */
async function loadFile(file) {
  let bytes;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw fileError("read", file, error);
  }
  return loadSafetensors(bytes);
}

/**
 * Attention over the tensors of a safetensors file. Returns what there was and what came out, the latter also as the
 * bytes of a safetensors file: "output", and with `needWeights` "weights".
 * @param {string} file
 * @param {AttentionOptions} options
 */
export async function attendToFile(file, options) {
  const { tensors } = await loadFile(file);
  const names = [...tensors.keys()];
  /** @type {Partial<Record<Role, string>>} */
  const chosen = {};
  for (const role of /** @type {Role[]} */ (Object.keys(acceptedNames))) chosen[role] = findName(names, role);
  const missing = /** @type {const} */ (["query", "key", "value"]).filter((role) => chosen[role] === undefined);
  if (missing.length > 0) {
    const wanted = missing.map((role) => acceptedNames[role].join(" or ")).join(", ");
    throw new CommandError(`${file} has no tensor named ${wanted}; its tensors: ${names.join(", ") || "none"}`);
  }

  /** @param {Role} role */
  const tensorOf = (role) => {
    const tensor = tensors.get(chosen[role] ?? "");
    if (tensor === undefined || tensor instanceof Tensor) return tensor;
    throw new CommandError(
      `${file}: ${chosen[role]}: expected float32, float16 or bfloat16 (a mask also bool), got ${tensor.dtype}`,
    );
  };
  const [query, key, value, attnMask] = /** @type {const} */ (["query", "key", "value", "mask"]).map(tensorOf);
  if (query === undefined || key === undefined || value === undefined) throw new Error("checked above");

  return scope(() => {
    const start = performance.now();
    const { output, weights } = scaledDotProductAttention(query, key, value, { ...options, attnMask });
    const milliseconds = performance.now() - start;
    const results = weights === undefined ? { output } : { output, weights };
    const used = Object.values(chosen);
    return {
      inputs: used.flatMap((name) => {
        const tensor = name === undefined ? undefined : tensors.get(name);
        return name === undefined || tensor === undefined ? [] : [describe(name, tensor)];
      }),
      ignored: names.filter((name) => !used.includes(name)),
      outputs: Object.entries(results).map(([name, tensor]) => describe(name, tensor)),
      preview: String(output),
      bytes: saveSafetensors(results),
      milliseconds,
    };
  });
}
