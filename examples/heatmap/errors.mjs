/** What the user of the command can mend: its message is all that is shown. */
export class CommandError extends Error {}

/** @type {Readonly<Record<string, string>>} */
const reasons = {
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ENOENT: "no such file or folder",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of its path is no folder",
  EPERM: "not permitted",
  EROFS: "the disk is read-only",
};

/**
 * The error of a file that can't be read or written.
 * @param {"read" | "write"} action
 * @param {string} file
 * @param {unknown} error
 */
export function fileError(action, file, error) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  return new CommandError(`cannot ${action} ${file}: ${reasons[code ?? ""] ?? message}`, { cause: error });
}

/**
 * One line for the user. Errors of the package have a code and name the argument; others would be bugs of this program.
 * @param {unknown} error
 */
export function messageOf(error) {
  if (!(error instanceof Error)) return String(error);
  const isExpected = error instanceof CommandError || "code" in error;
  return isExpected ? error.message : `unexpected: ${error.message}`;
}
