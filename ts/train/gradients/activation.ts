import type { ActivationDetails } from "../../ops/activate.js";
import type { SwigluDetails } from "../../ops/activation.js";
import { elementCount } from "../../tensor/shape.js";
import { pointerOf } from "../../tensor/tensor.js";
import { activations } from "../../wasm/interface.js";
import { gradientOf, type Rule } from "../rule.js";

const activation: Rule<ActivationDetails> = ({ outputs: [output], details, save }) => {
  const { activation } = details;
  // Of relu the output tells the same, and is kept by what follows anyway.
  const x = save(activation === "relu" ? output : details.x);
  // output = activation(input)
  return ([dy]) => [
    gradientOf(x.shape, (call, dx) => {
      const [gradient, input] = [pointerOf(dy), call.inputAsFloat32(x)];
      const length = elementCount(x.shape);
      call.kernel((kernels) => kernels.activation_backward(dx, gradient, input, length, activations[activation]));
    }),
  ];
};

const swiglu: Rule<SwigluDetails> = ({ details, needs: [needsA, needsB], save }) => {
  const a = save(details.a);
  const b = needsA ? save(details.b) : undefined;
  const length = elementCount(a.shape);
  // output = silu(a) · b
  return ([dy]) => {
    const gradient = pointerOf(dy);
    return [
      b &&
        gradientOf(a.shape, (call, da) => {
          const [gates, values] = [call.inputAsFloat32(a), call.inputAsFloat32(b)];
          call.kernel((kernels) => kernels.swiglu_backward(da, gradient, gates, values, length));
        }),
      needsB
        ? gradientOf(a.shape, (call, db) => {
            const gates = call.inputAsFloat32(a);
            call.kernel((kernels) => kernels.swiglu(db, gates, gradient, length));
          })
        : undefined,
    ];
  };
};

export const activationRules = { activation, swiglu };
