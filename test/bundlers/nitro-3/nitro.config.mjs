export default { preset: "cloudflare_module", compatibilityDate: "2024-09-19", serverDir: "server" };
