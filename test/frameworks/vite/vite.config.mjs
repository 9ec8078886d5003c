import { svelte } from "@sveltejs/vite-plugin-svelte";
import react from "@vitejs/plugin-react";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const pages = ["react.html", "vue.html", "svelte.html"];

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), vue(), svelte()],
  build: { rolldownOptions: { input: pages } },
  // The frameworks are outside of the project.
  server: { host: "127.0.0.1", fs: { strict: false } },
  clearScreen: false,
});
