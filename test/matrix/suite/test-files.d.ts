/** What ../bundle.mjs makes of the list of test files. */
declare module "test-files" {
  export const files: Readonly<Record<string, () => Promise<unknown>>>;
}
