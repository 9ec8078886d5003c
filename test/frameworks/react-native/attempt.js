/** What the package does here, or the code that it refuses with: printed as JSON. */
export async function attempt({ entry, slim, nn, io, train }) {
  // Hermes by itself has no console.
  const print = globalThis.print ?? console.log;
  try {
    await entry.init();
    const layer = new nn.MultiheadAttention(2, 1, { batchFirst: true }).eval();
    const { tensors } = io.loadSafetensors(io.saveSafetensors(layer.stateDict()));
    const twin = new entry.MultiheadAttention(2, 1, { batchFirst: true }).eval();
    twin.loadStateDict(tensors);
    const x = { data: [1, 2, 3, 4], shape: [1, 2, 2] };
    const outputs = [layer, twin].map((each) => each.forward(x, x, x).output);
    const isSame = String(outputs[0].toArray()) === String(outputs[1].toArray());
    const [weights] = [slim.softmax({ data: [5, 5], shape: [2] })];
    const slope = entry.scope(() => {
      const x = entry.Tensor.from([3]);
      x.requiresGrad = true;
      train.mseLoss(x, { data: [1], shape: [1] }).backward();
      return x.grad.item();
    });
    const result = [isSame, ...weights.toArray(), slope];
    for (const made of [layer, twin, ...outputs, weights, ...tensors.values()]) made.dispose();
    print(JSON.stringify({ result, left: entry.memoryUsage().bytesInUse }));
  } catch (error) {
    print(JSON.stringify({ code: error.code, message: error.message }));
  }
}
