// Serves function.js of a folder in Vercel's edge VM, with the folder's `.wasm` files as modules, and collects garbage when
// a path asks for it; prints the port.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { createHandler, EdgeRuntime } from "edge-runtime";

const [folder, collect] = process.argv.slice(2);

const runtime = new EdgeRuntime({
  codeGeneration: { strings: false, wasm: false },
  extend: (context) => {
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".wasm"))) {
      context[name] = new WebAssembly.Module(readFileSync(join(folder, name)));
    }
    return context;
  },
  initialCode: readFileSync(join(folder, "function.js"), "utf8"),
});

// The smallest module: where this isn't refused, the run proves nothing.
const refusal = await runtime.evaluate(
  "WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)).then(() => 'compiled', String)",
);
assert.match(refusal, /code generation disallowed/i);

const { handler } = createHandler({ runtime });
const server = createServer((request, response) => {
  if (request.url === `/${collect}`) response.end(globalThis.gc?.());
  else void handler(request, response);
}).listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
console.log(JSON.stringify({ port }));
