/**
 * The number of this interface.
 * @returns {number}
 */
export function abi_version() {
    const ret = wasm.abi_version();
    return ret >>> 0;
}

/**
 * A 16-byte aligned block, or 0 when there is no memory for it.
 * @param {number} bytes
 * @returns {number}
 */
export function allocate(bytes) {
    const ret = wasm.allocate(bytes);
    return ret >>> 0;
}

/**
 * The arithmetic of this build: 0 separate, 1 fused.
 * @returns {number}
 */
export function arithmetic() {
    const ret = wasm.arithmetic();
    return ret >>> 0;
}

/**
 * Scaled dot-product attention over the parameter block at `parameters`.
 * @param {number} parameters
 * @returns {number}
 */
export function attention_forward(parameters) {
    const ret = wasm.attention_forward(parameters);
    return ret >>> 0;
}

/**
 * Bytes of working memory that `attention_forward` needs for these parameters; u32::MAX when the sizes overflow or the
 * parameters are invalid. `scratch` and the outputs' pointers may still be 0.
 * @param {number} parameters
 * @returns {number}
 */
export function attention_scratch_bytes(parameters) {
    const ret = wasm.attention_scratch_bytes(parameters);
    return ret >>> 0;
}

/**
 * Bytes in allocated blocks.
 * @returns {number}
 */
export function bytes_in_use() {
    const ret = wasm.bytes_in_use();
    return ret >>> 0;
}

/**
 * The most that `bytes_in_use` has been.
 * @returns {number}
 */
export function bytes_peak() {
    const ret = wasm.bytes_peak();
    return ret >>> 0;
}

/**
 * @param {number} output
 * @param {number} output_dtype
 * @param {number} input
 * @param {number} input_dtype
 * @param {number} length
 * @returns {number}
 */
export function convert(output, output_dtype, input, input_dtype, length) {
    const ret = wasm.convert(output, output_dtype, input, input_dtype, length);
    return ret >>> 0;
}

/**
 * Gives a block back.
 * @param {number} pointer
 */
export function free(pointer) {
    wasm.free(pointer);
}

/**
 * a·b + c as the kernels compute it: shows whether the host really fuses.
 * @param {number} a
 * @param {number} b
 * @param {number} c
 * @returns {number}
 */
export function multiply_add(a, b, c) {
    const ret = wasm.multiply_add(a, b, c);
    return ret;
}

/**
 * The memory never grows beyond `pages`.
 * @param {number} pages
 */
export function set_memory_limit(pages) {
    wasm.set_memory_limit(pages);
}
export function __wbindgen_init_externref_table() {
    const table = wasm.__wbindgen_externrefs;
    table.set(0, undefined);
    table.set(1024, undefined);
    table.set(1025, null);
    table.set(1026, true);
    table.set(1027, false);
}

let wasm;
export function __wbg_set_wasm(val) {
    wasm = val;
}
