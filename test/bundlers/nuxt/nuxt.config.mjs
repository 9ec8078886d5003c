export default {
  compatibilityDate: "2024-09-19",
  // Nuxt's server is Nitro 2.
  nitro: { preset: "cloudflare_module", experimental: { wasm: true } },
};
