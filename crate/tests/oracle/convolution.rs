//! Convolution along one axis and its gradients in float64, by the equations.

use wasm_attention::convolution::Sizes;

/// A sum, and the sum of the absolute values of its terms.
pub type Sum = (f64, f64);

/// Calls `visit` with the places of output, weight and input of every product: terms whose input is padding are left out.
fn products(sizes: &Sizes, mut visit: impl FnMut(usize, usize, usize)) {
    let outputs = sizes.output_length().unwrap();
    let (group_channels, group_outputs) = (sizes.channels / sizes.groups, sizes.out_channels / sizes.groups);
    for b in 0..sizes.batch {
        for o in 0..sizes.out_channels {
            for t in 0..outputs {
                for c in 0..group_channels {
                    for k in 0..sizes.kernel_size {
                        let place = (t * sizes.stride + k * sizes.dilation) as i64 - sizes.padding as i64;
                        if (0..sizes.length as i64).contains(&place) {
                            let channel = o / group_outputs * group_channels + c;
                            visit(
                                (b * sizes.out_channels + o) * outputs + t,
                                (o * group_channels + c) * sizes.kernel_size + k,
                                (b * sizes.channels + channel) * sizes.length + place as usize,
                            );
                        }
                    }
                }
            }
        }
    }
}

fn add(sum: &mut Sum, a: f32, b: f32) {
    let term = f64::from(a) * f64::from(b);
    *sum = (sum.0 + term, sum.1 + term.abs());
}

pub fn conv1d(input: &[f32], weight: &[f32], bias: Option<&[f32]>, sizes: &Sizes) -> Vec<Sum> {
    let outputs = sizes.output_length().unwrap();
    let start = |n: usize| bias.map_or(0.0, |bias| f64::from(bias[n / outputs % sizes.out_channels]));
    let mut output: Vec<Sum> =
        (0..sizes.batch * sizes.out_channels * outputs).map(|n| (start(n), start(n).abs())).collect();
    products(sizes, |to, w, x| add(&mut output[to], weight[w], input[x]));
    output
}

/// The gradients of input, weight and bias.
pub fn backward(gradient: &[f32], input: &[f32], weight: &[f32], sizes: &Sizes) -> [Vec<Sum>; 3] {
    let zeros = |count: usize| vec![(0.0, 0.0); count];
    let [mut of_input, mut of_weight, mut of_bias] = [input.len(), weight.len(), sizes.out_channels].map(zeros);
    products(sizes, |from, w, x| {
        add(&mut of_input[x], gradient[from], weight[w]);
        add(&mut of_weight[w], gradient[from], input[x]);
    });
    let outputs = sizes.output_length().unwrap();
    for (n, dy) in gradient.iter().enumerate() {
        add(&mut of_bias[n / outputs % sizes.out_channels], *dy, 1.0);
    }
    [of_input, of_weight, of_bias]
}
