export default {
  preset: "cloudflare_module",
  compatibilityDate: "2024-09-19",
  srcDir: "server",
  // Without it Nitro 2 takes no `.wasm` file.
  experimental: { wasm: true },
};
