import { kindOf } from "./kind.js";

const LONGEST_LIST = 8;
const LONGEST_TEXT = 40;

const shortened = (text: string): string => (text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text);

function showObject(value: object, depth: number): string {
  const kind = shortened(kindOf(value));
  if (kind === "Tensor" || kind === "UnsupportedTensor") {
    const { dtype, shape } = value as { dtype?: unknown; shape?: unknown };
    return `${kind} ${typeof dtype === "string" ? shortened(dtype) : "?"} ${showAt(shape, depth + 1)}`;
  }
  if (ArrayBuffer.isView(value)) return `${kind}(${(value as { length?: number }).length ?? value.byteLength})`;
  if (Array.isArray(value)) {
    if (depth > 1) return "[…]";
    const items = Array.from(value.slice(0, LONGEST_LIST), (item) => showAt(item, depth + 1));
    if (value.length > LONGEST_LIST) items.push(`… ${value.length} in all`);
    return `[${items.join(", ")}]`;
  }
  if (kind !== "Object") return kind;
  if (depth > 0) return "{…}";
  const keys = Object.keys(value);
  const names = keys.slice(0, LONGEST_LIST).map((key) => (/^\w+$/.test(key) ? shortened(key) : showAt(key, depth)));
  if (keys.length > LONGEST_LIST) names.push("…");
  return names.length === 0 ? "{}" : `{ ${names.join(", ")} }`;
}

function showAt(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(shortened(value));
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "bigint":
      return `${shortened(String(value))}n`;
    case "function":
      return "a function";
    case "object":
      return value === null ? "null" : showObject(value, depth);
    default:
      return String(value);
  }
}

/**
 * A value as error messages show it: one short line, whatever its size, and never an error of its own, whatever the
 * value's getters or proxy traps do.
 */
export function show(value: unknown): string {
  try {
    return showAt(value, 0);
  } catch {
    return "a value that cannot be shown";
  }
}
