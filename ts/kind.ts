/** What kind of object a value is: "Map", "Response", "WebAssembly.Module". Unlike instanceof, of whichever realm. */
export const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice("[object ".length, -1);
