//! Prints the layout of the attention parameter block as TypeScript, for `ts/wasm/parameters.ts`.

use wasm_attention::abi::parameters::FIELDS;

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_string();
    words.fold(first, |mut joined, word| {
        joined.push_str(&word[..1].to_uppercase());
        joined.push_str(&word[1..]);
        joined
    })
}

fn main() {
    println!("// Generated from crate/src/abi/parameters.rs by scripts/build-wasm.mjs. Do not edit.");
    println!();
    println!("/** The type of each 32-bit word of an attention call's parameter block, in the order of the words. */");
    println!("export const attentionParameters = {{");
    for (name, kind, text) in FIELDS {
        println!("  /** {} */", text.trim());
        println!("  {}: \"{kind}\",", camel_case(name));
    }
    println!("}} as const;");
}
