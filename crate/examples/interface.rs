//! Prints what both sides of the interface must agree on as TypeScript, for `ts/wasm/interface.ts`.

use wasm_attention::abi::arguments::{
    ABSENT, AdamArguments, Arguments, AttentionArguments, AttentionBackwardArguments, ConvolutionArguments,
    RotaryEmbeddingArguments,
};
use wasm_attention::abi::numbers::{Arithmetic, CausalAlignment, MaskDtype, OVERFLOW};
use wasm_attention::activation::Activation;
use wasm_attention::attention::weights::WeightsMode;
use wasm_attention::dtype::Dtype;
use wasm_attention::matmul::Transposed;
use wasm_attention::rotary_frequencies::RopeType;

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_string();
    words.fold(first, |mut joined, word| {
        joined.push_str(&word[..1].to_uppercase());
        joined.push_str(&word[1..]);
        joined
    })
}

fn print_numbers(name: &str, text: &str, names: &[&str]) {
    println!("\n/** {text}, with its number. */\nexport const {name} = {{");
    for (number, name) in names.iter().enumerate() {
        if name.contains('-') {
            println!("  \"{name}\": {number},");
        } else {
            println!("  {name}: {number},");
        }
    }
    println!("}} as const;");
}

fn print_arguments<A: Arguments>(name: &str, call: &str) {
    println!("\n/** The 32-bit words of the argument block of {call}, in their order: each one's name and type. */");
    println!("export const {name} = [");
    for (name, kind, text) in A::FIELDS {
        println!("  /** {} */", text.trim());
        println!("  [\"{}\", \"{kind}\"],", camel_case(name));
    }
    println!("] as const;");
}

fn main() {
    println!("// Generated from crate/src by crate/examples/interface.rs. Do not edit.");
    println!("\n/** What an export answers in place of a size that overflows. */\nexport const OVERFLOW = {OVERFLOW};");
    println!("\n/** What a signed word of an argument block holds for something that is not there. */");
    println!("export const ABSENT = {ABSENT};");
    print_numbers("arithmetics", "How a build multiplies and adds", Arithmetic::NAMES);
    print_numbers("dtypes", "A dtype that kernels compute with", Dtype::NAMES);
    print_numbers("maskDTypes", "A dtype of masks", MaskDtype::NAMES);
    print_numbers("activations", "A function that is applied to an output", Activation::NAMES);
    print_numbers("causalAlignments", "Where the diagonal of a causal mask begins", CausalAlignment::NAMES);
    print_numbers("weightsModes", "What is returned as attention weights", WeightsMode::NAMES);
    print_numbers("transpositions", "Which factor of a product lies in memory transposed", Transposed::NAMES);
    print_numbers("ropeTypes", "A kind of scaling of rotary frequencies", RopeType::NAMES);
    print_arguments::<AttentionArguments>("attentionArguments", "attention_forward");
    print_arguments::<AttentionBackwardArguments>("attentionBackwardArguments", "attention_backward");
    print_arguments::<RotaryEmbeddingArguments>("rotaryEmbeddingArguments", "rotary_embedding");
    print_arguments::<ConvolutionArguments>("convolutionArguments", "conv1d and conv1d_backward");
    print_arguments::<AdamArguments>("adamArguments", "adam");
}
