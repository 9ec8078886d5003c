/**
 * Every exported function, and every public method and constructor of an exported class, says what it does, what its
 * parameters are, what it returns and what it throws; the main ones have an example, which compiles in strict mode and runs.
 */
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";
import { diagnose, useRunner } from "../support/documented-code.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What a reader looks up first. */
const WITH_EXAMPLE: ReadonlySet<string> = new Set([
  "addLora",
  "AdamW",
  "attentionWeights",
  "crossEntropy",
  "embedding",
  "ExponentialMovingAverage",
  "init",
  "layerNorm",
  "Linear",
  "linear",
  "loadLora",
  "loadSafetensors",
  "loraFiles",
  "mergeLora",
  "Module",
  "MultiheadAttention",
  "rotaryEmbedding",
  "saveSafetensors",
  "scaledDotProductAttention",
  "scope",
  "SelfAttention",
  "softmax",
  "Tensor.from",
]);

/** What throws nothing, whatever it is given. */
const NEVER_THROWS: ReadonlySet<string> = new Set([
  "AttentionError",
  "Module",
  "ExponentialMovingAverage.dispose",
  "Optimizer.dispose",
  "Optimizer.zeroGrad",
  "Runtime.dispose",
  "Tensor.[Symbol]",
  "Tensor.dispose",
  "Tensor.toString",
  "UnsupportedTensor.dispose",
]);

/** A function, or a class's constructor or method. */
interface Documented {
  readonly name: string;
  readonly file: string;
  readonly symbol: ts.Symbol;
  readonly signatures: readonly ts.Signature[];
  /** Of a constructor; the example may be the class's. */
  readonly ofClass?: ts.Symbol;
}

const entries = readdirSync(join(root, "ts/entry"))
  .filter((name) => /^(default|slim|workerd|edge-light|nn|io|train|slim-module-only)\.ts$/.test(name))
  .map((name) => join(root, "ts/entry", name));
const configuration = ts.getParsedCommandLineOfConfigFile(
  join(root, "tsconfig.json"),
  {},
  {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: () => {},
  },
);
const program = ts.createProgram(entries, configuration?.options ?? {});
const checker = program.getTypeChecker();

const fileOf = (symbol: ts.Symbol): string =>
  relative(root, symbol.declarations?.[0].getSourceFile().fileName ?? "").replaceAll("\\", "/");

const isPublic = (symbol: ts.Symbol): boolean =>
  symbol.declarations?.every(
    (declaration) =>
      (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) === 0 &&
      !(ts.isClassElement(declaration) && declaration.name !== undefined && ts.isPrivateIdentifier(declaration.name)),
  ) ?? false;

/** The class or interface that declares a member. */
const ownerOf = (member: ts.Symbol): string => {
  const owner = member.declarations?.[0].parent as ts.ClassLikeDeclaration | ts.InterfaceDeclaration | undefined;
  return owner?.name?.text ?? "";
};

/** The methods among a type's members that this package declares. */
const methodsAmong = (members: Iterable<ts.Symbol>): Documented[] =>
  [...members]
    .filter((member) => (member.flags & ts.SymbolFlags.Method) !== 0 && isPublic(member))
    .filter((member) => fileOf(member).startsWith("ts/"))
    .map((symbol) => ({
      name: `${ownerOf(symbol)}.${symbol.name.startsWith("__@") ? "[Symbol]" : symbol.name}`,
      file: fileOf(symbol),
      symbol,
      signatures: checker.getTypeOfSymbol(symbol).getCallSignatures(),
    }));

function documentedIn(exported: ts.Symbol): Documented[] {
  const isTypeAlone = exported.declarations?.some(ts.isTypeOnlyExportDeclaration) ?? false;
  const symbol = (exported.flags & ts.SymbolFlags.Alias) === 0 ? exported : checker.getAliasedSymbol(exported);
  const { name } = exported;
  const file = fileOf(symbol);
  if ((symbol.flags & ts.SymbolFlags.Class) !== 0) {
    const constructor = symbol.members?.get(ts.InternalSymbolName.Constructor);
    const isMade = !isTypeAlone && constructor !== undefined && isPublic(constructor);
    const type = checker.getTypeOfSymbol(symbol);
    return [
      ...(isMade
        ? [{ name, file, symbol: constructor, signatures: type.getConstructSignatures(), ofClass: symbol }]
        : []),
      ...methodsAmong(symbol.exports?.values() ?? []),
      ...methodsAmong(checker.getDeclaredTypeOfSymbol(symbol).getProperties()),
    ];
  }
  if ((symbol.flags & ts.SymbolFlags.Interface) !== 0) {
    return methodsAmong(checker.getDeclaredTypeOfSymbol(symbol).getProperties());
  }
  if ((symbol.flags & ts.SymbolFlags.Value) === 0) return [];
  const signatures = checker.getTypeOfSymbol(symbol).getCallSignatures();
  return signatures.length === 0 ? [] : [{ name, file, symbol, signatures }];
}

/** One of a name and a file: entries have much in common, and classes what they inherit. */
const all = new Map(
  entries
    .flatMap((entry) => {
      const source = program.getSourceFile(entry);
      const module = source && checker.getSymbolAtLocation(source);
      if (module === undefined) throw new Error(`${entry}: no module`);
      return checker.getExportsOfModule(module).flatMap(documentedIn);
    })
    .map((documented): [string, Documented] => [`${documented.name}, ${documented.file}`, documented]),
);

const tagsOf = (symbol: ts.Symbol): { name: string; text: string }[] =>
  symbol.getJsDocTags(checker).map(({ name, text }) => ({ name, text: ts.displayPartsToString(text).trim() }));

function flawsOf({ name, file, symbol, signatures, ofClass }: Documented): string[] {
  const flaws: string[] = [];
  const tags = tagsOf(symbol);
  const textsOf = (tag: string): string[] => tags.filter(({ name }) => name === tag).map(({ text }) => text);

  if (ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() === "") flaws.push("no description");
  const parameters = new Set(
    signatures.flatMap((signature) => signature.parameters.map((parameter) => parameter.name)),
  );
  const described = new Map(textsOf("param").map((text): [string, string] => [text.split(/\s/, 1)[0], text]));
  for (const parameter of parameters) {
    if (!/\s\S/.test(described.get(parameter) ?? "")) flaws.push(`no @param ${parameter}`);
  }
  for (const parameter of described.keys()) {
    if (!parameters.has(parameter)) flaws.push(`@param ${parameter}, which is none`);
  }
  const isVoid = signatures.every((signature) => (signature.getReturnType().flags & ts.TypeFlags.Void) !== 0);
  const mustReturn = ofClass === undefined && !isVoid;
  if (mustReturn !== textsOf("returns").some((text) => text !== "")) flaws.push(`${mustReturn ? "no" : "a"} @returns`);
  const canThrow = !NEVER_THROWS.has(name);
  if (canThrow !== textsOf("throws").some((text) => text !== "")) flaws.push(`${canThrow ? "no" : "a"} @throws`);
  for (const tag of tags) {
    if (tag.name !== "example" && /\n\s*\n/.test(tag.text))
      flaws.push(`@${tag.name} ${tag.text.split("\n", 1)[0]}: a blank line`);
  }
  // Other entries' `init` needs what a host or the caller brings.
  const isMain = WITH_EXAMPLE.has(name) && (!file.startsWith("ts/entry/") || file === "ts/entry/default.ts");
  if (isMain && examplesOf({ symbol, ofClass }).length === 0) flaws.push("no @example");
  return flaws;
}

/** The code of all examples, JavaScript or TypeScript. */
const examplesOf = ({ symbol, ofClass }: Pick<Documented, "symbol" | "ofClass">): string[] =>
  [symbol, ...(ofClass === undefined ? [] : [ofClass])]
    .flatMap(tagsOf)
    .filter(({ name }) => name === "example")
    .map(
      ({ text }) => /^```[jt]s\n([^]*)\n```$/.exec(text)?.[1] ?? "throw new Error('an example is a block of js or ts')",
    );

const documentation = [...all.values()];

describe("docstrings", () => {
  it("are those of the whole package", () => {
    const names = new Set([...all.values()].map(({ name }) => name));
    expect(names.size).toBeGreaterThan(40);
    expect([...WITH_EXAMPLE, ...NEVER_THROWS].filter((name) => !names.has(name))).toEqual([]);
  });
  it.each(
    documentation.map((documented): [string, Documented] => [`${documented.name}, ${documented.file}`, documented]),
  )("%s", (_, documented) => {
    expect(flawsOf(documented)).toEqual([]);
  });
});

describe("examples", () => {
  const examples = documentation.flatMap((documented) =>
    examplesOf(documented).map((code, index) => ({
      name: `${documented.name}, ${documented.file}, example ${index + 1}`,
      path: join(root, `${documented.file}.${documented.name}.${index + 1}.mts`),
      code,
    })),
  );
  let diagnostics: Map<string, string[]>;
  beforeAll(() => {
    diagnostics = diagnose(new Map(examples.map(({ path, code }) => [path, code])));
  }, 60_000);
  const run = useRunner();

  it.each(examples.map((example): [string, typeof example] => [example.name, example]))(
    "%s",
    (name, { path, code }) => {
      expect(diagnostics.get(path)).toEqual([]);
      const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
      expect(run(name, ts.transpile(code, options))).not.toBe("");
    },
  );
});
