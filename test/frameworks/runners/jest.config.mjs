// Jest's own settings: CommonJS, to which Babel turns the tests' imports, or with --experimental-vm-modules ES modules.
const isModules = process.execArgv.includes("--experimental-vm-modules");

const common = {
  rootDir: import.meta.dirname,
  transform: isModules ? {} : { "\\.js$": ["babel-jest", { plugins: ["@babel/plugin-transform-modules-commonjs"] }] },
};

export default {
  projects: [
    { ...common, displayName: "jsdom", testEnvironment: "jsdom" },
    {
      ...common,
      displayName: "Node",
      testEnvironment: "node",
      testPathIgnorePatterns: ["/node_modules/", "jsdom\\.test"],
    },
  ],
};
