import { typeError } from "../errors.js";
import { type Operand, tensorOf } from "../ops/operand.js";
import { keep, scope } from "../tensor/scope.js";
import { rawTensor, refuseForeignTensor, requireUsable, setRequiresGrad, type Tensor } from "../tensor/tensor.js";

/** What a tensor is to the modules that hold it. */
export type Role = "parameter" | "buffer";

const roles = /* @__PURE__ */ new WeakMap<Tensor, Role>();

function mark<T extends Tensor>(role: Role, tensor: T): T {
  refuseForeignTensor(role, "tensor", tensor);
  const own = rawTensor(tensor);
  if (own === undefined) throw typeError(role, "tensor", "a Tensor", tensor);
  requireUsable(role, "tensor", own);
  if (role === "parameter" && own.dtype !== "float32") {
    throw typeError(role, "tensor", 'float32 (.to("float32"))', own.dtype);
  }
  roles.set(own, role);
  if (role === "parameter") setRequiresGrad(own, true);
  return keep(tensor);
}

/** What a tensor has been marked as; undefined for any other tensor. */
export const roleOf = (tensor: Tensor): Role | undefined => roles.get(tensor);

/**
 * Marks a tensor as a parameter, which is learned: a module that holds it in a property gives it by `parameters()`, has it
 * in its state dict and disposes it. It requires gradients, until its `requiresGrad` is set to false. No scope frees it any more.
 *
 * @example
 * ```js
 * import { init, Module, parameter, Tensor } from "wasm-attention";
 *
 * await init();
 * class Scale extends Module {
 *   factor = parameter(Tensor.from(new Float32Array(1).fill(2)));
 * }
 * console.log(Object.keys(new Scale().stateDict())); // ["factor"]
 * ```
 *
 * @param tensor A float32 tensor, of any shape. It is not copied.
 * @returns The tensor itself.
 * @throws {TypeError} for anything but a float32 tensor, and for one that has been disposed.
 */
export const parameter = <T extends Tensor>(tensor: T): T => mark("parameter", tensor);

/**
 * Marks a tensor as a buffer, which belongs to a module without being learned (a table, a running mean): a module that
 * holds it in a property has it in its state dict, not among its `parameters()`, and disposes it. No scope frees it any
 * more.
 *
 * @example
 * ```js
 * import { buffer, init, Module, sinusoidalPositions } from "wasm-attention";
 *
 * await init();
 * class Positions extends Module {
 *   table = buffer(sinusoidalPositions(16, 8));
 * }
 * const module = new Positions();
 * console.log([module.parameters().length, Object.keys(module.stateDict())]); // [0, ["table"]]
 * ```
 *
 * @param tensor A tensor of any dtype and shape. It is not copied.
 * @returns The tensor itself.
 * @throws {TypeError} for anything but a tensor, and for one that has been disposed.
 */
export const buffer = <T extends Tensor>(tensor: T): T => mark("buffer", tensor);

/**
 * Parameters of given content: float32 tensors are taken over, all else is copied. When memory lacks none is taken over,
 * and none left behind.
 */
export const adoptParameters = (operation: string, operands: readonly Operand[]): Tensor<"float32">[] =>
  scope(() => operands.map((operand) => tensorOf(operation, operand, "float32"))).map((tensor) =>
    parameter(tensor as Tensor<"float32">),
  );
