/** Where a string ends: the index of its closing quote. `start` is that of the opening one. */
function endOfString(json: string, start: number): number {
  let end = start + 1;
  while (json[end] !== '"') end += json[end] === "\\" ? 2 : 1;
  return end;
}

/**
 * The first key that repeats within an object, at any depth; undefined when none does. (`JSON.parse` takes the last of
 * them without a word.) The text must be JSON.
 */
export function findRepeatedKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case "{":
        open.push(new Set());
        break;
      case "[":
        open.push(undefined);
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case '"': {
        const start = at;
        at = endOfString(json, start);
        let next = at + 1;
        while (" \t\n\r".includes(json.charAt(next)) && next < json.length) next++;
        if (json[next] !== ":") break;
        const key = JSON.parse(json.slice(start, at + 1)) as string;
        const keys = open[open.length - 1];
        if (keys?.has(key)) return key;
        keys?.add(key);
        break;
      }
    }
  }
  return undefined;
}
