// Next.js itself lies outside of the project.
export default { turbopack: { root: "/" } };
