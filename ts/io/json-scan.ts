/** Is told what `JSON.parse` loses without a word. May throw, which ends the scan. */
export interface JsonVisitor {
  /** A key that its object has had before, of which `JSON.parse` takes the last. */
  repeatedKey(key: string): void;
  /** A number as it is written, and the keys that lead to it, from the outermost; an array's is undefined. */
  number(text: string, path: readonly (string | undefined)[]): void;
}

/** Where a string ends: the index of its closing quote. `start` is that of the opening one. */
function endOfString(json: string, start: number): number {
  let end = start + 1;
  while (json[end] !== '"') end += json[end] === "\\" ? 2 : 1;
  return end;
}

/** Goes through a text, which must be JSON, at any depth. */
export function scanJson(json: string, visitor: JsonVisitor): void {
  const keys: (Set<string> | undefined)[] = [];
  const path: (string | undefined)[] = [];
  for (let at = 0; at < json.length; at++) {
    const start = at;
    const character = json[at];
    switch (character) {
      case "{":
      case "[":
        keys.push(character === "{" ? new Set() : undefined);
        path.push(undefined);
        break;
      case "}":
      case "]":
        keys.pop();
        path.pop();
        break;
      case '"': {
        at = endOfString(json, start);
        let next = at + 1;
        while (" \t\n\r".includes(json.charAt(next)) && next < json.length) next++;
        if (json[next] !== ":") break;
        const key = JSON.parse(json.slice(start, at + 1)) as string;
        const known = keys[keys.length - 1];
        if (known?.has(key)) visitor.repeatedKey(key);
        known?.add(key);
        path[path.length - 1] = key;
        break;
      }
      default:
        if (!"-0123456789".includes(character)) break;
        while (!",]} \t\n\r".includes(json.charAt(at + 1))) at++;
        visitor.number(json.slice(start, at + 1), path);
    }
  }
}
