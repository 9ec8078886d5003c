/** What the documentation and the crate's tests take from the operations' records. */
import { type ErrorBound, formulaOf } from "./error-bound.js";
import { operations } from "./operations.js";

const BEGIN = "<!-- begin: written by npm run update:records -->";
const END = "<!-- end -->";

/** All bounds by name, as test/cases/error-bounds.json has them for the crate's tests. */
export const errorBounds: Readonly<Record<string, ErrorBound>> = Object.fromEntries(
  operations.flatMap(({ error }) => (typeof error === "string" ? [] : Object.entries(error))),
);

/** A bar would end the cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

export function operationsTable(): string {
  const rows = operations.map(({ name, computes, error }) => {
    const errors = typeof error === "string" ? [error] : Object.values(error).map(formulaOf);
    return `| \`${name}\` | ${cell(computes)} | ${cell(errors.join("; "))} |`;
  });
  return ["| operation | what it computes | error in float32, at most |", "| --- | --- | --- |", ...rows].join("\n");
}

/** The README's list of the operations that have no row of their own there, as the row of its table. */
export function operationsRow(): string {
  const names = operations
    .filter(({ family }) => !/^(attention|nn|io)\/|^random$/.test(family))
    .map(({ name }) => `\`${name}\``);
  return `| operations | ${names.join(", ")} |`;
}

/** The README with that row. */
export const replaceRow = (readme: string): string => readme.replace(/^\| operations \|.*$/m, operationsRow());

/** The page with the table between its marks. */
export function replaceTable(page: string, table: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error("the page has no marks for the table of operations");
  return `${page.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${page.slice(end)}`;
}
