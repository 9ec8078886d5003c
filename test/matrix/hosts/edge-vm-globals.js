// The virtual machine looks up every global name by a function call, twenty times as slow as elsewhere: the oracles would
// take minutes. Held here, they are looked up once.
const { Array: array, BigInt: bigInt, Float64Array: float64Array, Math: math, Number: number } = globalThis;
export { array as Array, bigInt as BigInt, float64Array as Float64Array, math as Math, number as Number };
