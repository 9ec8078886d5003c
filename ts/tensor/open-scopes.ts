/** What a scope frees. */
export interface Disposable {
  dispose(): void;
}

/** The scopes that run now, innermost last, each with what it will free. */
const openScopes: Set<Disposable>[] = [];

/** Opens a scope; what is created from now on belongs to it. */
export function openScope(): Set<Disposable> {
  const members = new Set<Disposable>();
  openScopes.push(members);
  return members;
}

/** Closes the innermost scope: survivors move to the one around it, the rest is disposed. */
export function closeScope(survivors: ReadonlySet<Disposable>): void {
  const members = openScopes.pop() ?? [];
  for (const survivor of survivors) register(survivor);
  for (const member of members) {
    if (!survivors.has(member)) member.dispose();
  }
}

/** Adds something that was just created to the innermost scope. */
export function register(created: Disposable): void {
  openScopes.at(-1)?.add(created);
}

/** Removes something from every scope. */
export function forget(member: Disposable): void {
  for (const members of openScopes) members.delete(member);
}
