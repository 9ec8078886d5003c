// What every page has in common: how the test reaches it.
import { init, memoryUsage, Tensor } from "wasm-attention";
import { inputs } from "./example.js";

/**
 * What the test calls.
 * @param {(isShown: boolean) => void} show mounts or unmounts the component
 * @param {(input: unknown) => void} setInput
 * @param {Record<string, (isShown: boolean) => void>} [others]
 */
export function publish(show, setInput, others) {
  let tensor;
  globalThis.page = {
    ...others,
    show,
    /** The second input, as a tensor that belongs to the page. */
    useTensor() {
      tensor = Tensor.from(inputs[1]);
      setInput(tensor);
    },
    useArrays() {
      setInput(inputs[0]);
      tensor.dispose();
    },
    /** Whether the page's tensor lives, in a runtime that lives. */
    readTensor: () => [...tensor.toArray()],
    bytesInUse: () => init().then(() => memoryUsage().bytesInUse),
  };
  // Before there is a runtime: the components wait for it.
  if (location.search === "?unmount") setTimeout(() => show(false));
}
