/** The part of node:zlib that is used here. */
interface Zlib {
  inflateSync(bytes: Uint8Array): Uint8Array;
}

/** Node's zlib, or undefined elsewhere. An `import` of it, or `process` by itself, would trouble bundlers. */
function nodeZlib(): Zlib | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.("node:zlib") as Zlib | undefined;
}

async function inflateByStream(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  // Broken data rejects these as well as the reads below; unheard, they would end the process.
  writer.write(bytes).catch(() => {});
  writer.close().catch(() => {});
  const chunks: Uint8Array[] = [];
  const reader = readable.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) chunks.push(part.value);
  const inflated = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    inflated.set(chunk, offset);
    offset += chunk.length;
  }
  return inflated;
}

/** Unpacks the zlib format. Rejects with the host's own error for broken data, and where the host has no way to do it. */
export async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  // Node's own is three times as fast here as its DecompressionStream.
  const zlib = nodeZlib();
  if (zlib !== undefined) return zlib.inflateSync(bytes);
  return inflateByStream(bytes);
}
