/** Compiles and runs the code of the documentation as it stands. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, expect } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/**
 * What the compiler has against each text in strict mode, by paths of modules that need not be there: the line and the
 * message.
 */
export function diagnose(texts: ReadonlyMap<string, string>): Map<string, string[]> {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.esnext.disposable.d.ts"],
    types: ["node"],
    skipLibCheck: true,
    allowArbitraryExtensions: true,
    // The sources, whose types the built declarations repeat.
    paths: {
      "wasm-attention/*.wasm": [join(root, "ts/wasm/*.wasm")],
      "wasm-attention/*.wasm?module": [join(root, "ts/entry/edge-light-*.ts")],
    },
  };
  for (const entry of ["default", "slim", "nn", "io", "train"]) {
    const specifier = entry === "default" ? "wasm-attention" : `wasm-attention/${entry}`;
    options.paths = { ...options.paths, [specifier]: [join(root, `ts/entry/${entry}.ts`)] };
  }
  const files = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...files,
    fileExists: (path) => texts.has(path) || files.fileExists(path),
    readFile: (path) => texts.get(path) ?? files.readFile(path),
    getSourceFile: (path, language, ...rest) => {
      const text = texts.get(path);
      return text === undefined
        ? files.getSourceFile(path, language, ...rest)
        : ts.createSourceFile(path, text, language);
    },
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  const describeAll = (diagnostics: readonly ts.Diagnostic[]): string[] =>
    diagnostics.map(({ messageText, file, start }) => {
      const line = file === undefined ? "" : file.text.slice(0, start).split("\n").length;
      return `${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    });
  expect(describeAll(program.getOptionsDiagnostics())).toEqual([]);
  return new Map(
    [...texts.keys()].map((path) => [
      path,
      describeAll(ts.getPreEmitDiagnostics(program, program.getSourceFile(path))),
    ]),
  );
}

/** A folder for the tests of a file or of a `describe`, in which JavaScript runs against the built package. */
export function useRunner(): (name: string, code: string) => string {
  // Inside the package, so that "wasm-attention" means this one.
  let folder: string;
  beforeAll(() => {
    mkdirSync(join(root, "target"), { recursive: true });
    folder = mkdtempSync(join(root, "target/documentation-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  return (name, code) => {
    const file = join(folder, `${name.replace(/\W+/g, "-")}.mjs`);
    writeFileSync(file, code);
    return execFileSync(process.execPath, [file], { cwd: folder, encoding: "utf8", stdio: "pipe" });
  };
}
