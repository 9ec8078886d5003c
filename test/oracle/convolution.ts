/** Convolution along one axis in float64, by the sum that PyTorch's documentation has. */
type Values = ArrayLike<number>;

export interface ConvolutionSizes {
  readonly batch: number;
  readonly channels: number;
  readonly length: number;
  readonly outChannels: number;
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
}

export const outputLength = ({ length, kernelSize, stride, padding, dilation }: ConvolutionSizes): number =>
  Math.floor((length + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1;

/** Calls `visit` with the places of output, weight and input of every product, without those whose input is padding. */
function eachProduct(sizes: ConvolutionSizes, visit: (output: number, weight: number, input: number) => void): void {
  const { batch, channels, length, outChannels, kernelSize, stride, padding, dilation, groups } = sizes;
  const outputs = outputLength(sizes);
  const ofGroup = channels / groups;
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < outChannels; o++) {
      const group = Math.floor(o / (outChannels / groups));
      for (let t = 0; t < outputs; t++) {
        for (let c = 0; c < ofGroup; c++) {
          for (let k = 0; k < kernelSize; k++) {
            const place = t * stride + k * dilation - padding;
            if (place < 0 || place >= length) continue;
            visit(
              (b * outChannels + o) * outputs + t,
              (o * ofGroup + c) * kernelSize + k,
              (b * channels + group * ofGroup + c) * length + place,
            );
          }
        }
      }
    }
  }
}

/** y[t] = b + Σ over c and k of w x[t · stride + k · dilation − padding]: x [B, C, L], w [O, C / groups, K], b [O]. */
export function conv1d(x: Values, w: Values, b: Values | undefined, sizes: ConvolutionSizes): Float64Array {
  const outputs = outputLength(sizes);
  const { batch, outChannels } = sizes;
  const y = Float64Array.from(
    { length: batch * outChannels * outputs },
    (_, at) => b?.[Math.floor(at / outputs) % outChannels] ?? 0,
  );
  eachProduct(sizes, (to, at, from) => (y[to] += w[at] * x[from]));
  return y;
}

/** Its transposes: the gradients of x, w and b. */
export function conv1dGradients(
  dy: Values,
  x: Values,
  w: Values,
  sizes: ConvolutionSizes,
): { input: Float64Array; weight: Float64Array; bias: Float64Array } {
  const outputs = outputLength(sizes);
  const input = new Float64Array(x.length);
  const weight = new Float64Array(w.length);
  const bias = new Float64Array(sizes.outChannels);
  eachProduct(sizes, (from, at, place) => {
    input[place] += w[at] * dy[from];
    weight[at] += x[place] * dy[from];
  });
  for (let at = 0; at < dy.length; at++) bias[Math.floor(at / outputs) % sizes.outChannels] += dy[at];
  return { input, weight, bias };
}
