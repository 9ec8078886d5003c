// The floor that docs/frameworks.md states: which syntax the package's files may use, so that tools of today can read them.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "acorn";

const LATEST = 2022;

/** What of that year some tools still refuse. @type {Record<string, (node: any, isInFunction: boolean) => boolean>} */
const refused = {
  "a static block": ({ type }) => type === "StaticBlock",
  "#name in object": ({ type, operator, left }) =>
    type === "BinaryExpression" && operator === "in" && left.type === "PrivateIdentifier",
  "top-level await": ({ type, await: isAsync }, isInFunction) =>
    !isInFunction && (type === "AwaitExpression" || (type === "ForOfStatement" && isAsync)),
};

const isNode = (/** @type {any} */ value) => typeof value?.type === "string";

/** What is refused of a node and those below it, in words. @param {any} node @returns {string[]} */
function refusedIn(node, isInFunction = false) {
  const isBelow = isInFunction || /Function/.test(node.type);
  return [
    ...Object.entries(refused)
      .filter(([, isRefused]) => isRefused(node, isInFunction))
      .map(([name]) => `${name} in line ${node.loc.start.line}`),
    ...Object.values(node)
      .flat()
      .filter(isNode)
      .flatMap((child) => refusedIn(child, isBelow)),
  ];
}

/**
 * What a file has above the floor, in words.
 * @param {string} text
 * @param {"module" | "script"} sourceType
 */
export function aboveFloor(text, sourceType) {
  try {
    return refusedIn(parse(text, { ecmaVersion: LATEST, sourceType, locations: true }));
  } catch (error) {
    return [`no ES${LATEST}: ${String(error)}`];
  }
}

/** The files of a folder that the entries lead to: a build in place leaves those of earlier ones beside them. */
function filesOf(/** @type {string} */ folder) {
  const names = new Set(readdirSync(folder).filter((name) => /^(?!chunk-).*\.c?js$/.test(name)));
  const texts = new Map();
  for (const name of names) {
    const text = readFileSync(join(folder, name), "utf8");
    texts.set(name, text);
    for (const [, other] of text.matchAll(/(?:from |import |require\()["']\.\/([^"']+\.c?js)["']/g)) names.add(other);
  }
  return texts;
}

/** Every JavaScript file of the package. @param {string} folder */
export function testSyntax(folder) {
  // What the search must find, or it finds nothing anywhere.
  for (const text of [
    "class C { static {} }",
    "class C { #x; static has(o) { return #x in o; } }",
    "await 1;",
    "/[a--b]/v;",
    "using x = y;",
  ]) {
    assert.notDeepEqual(aboveFloor(text, "module"), [], text);
  }
  const files = filesOf(join(folder, "dist"));
  assert.ok(files.size > 10, `${files.size} files in dist/`);
  const found = [...files].flatMap(([name, text]) =>
    aboveFloor(text, name.endsWith(".cjs") ? "script" : "module").map((what) => `${name}: ${what}`),
  );
  assert.deepEqual(found, []);
  return `${files.size} files`;
}
