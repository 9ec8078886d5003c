/** What objects of ours keep to themselves, whoever asks for it: they, or a proxy of them. */
export interface Hidden<Owner extends object, Content> {
  /** Once, by the owner's constructor. */
  set(owner: Owner, content: Content): void;
  /** Undefined for objects of any other kind. */
  get(value: unknown): Content | undefined;
}

/**
 * Private members don't exist on a proxy, and frameworks wrap what they are given in proxies (Vue's `reactive`, valtio's
 * `proxy`). This property does, and none of them wraps what it gives, since it is a function. No enumeration shows it.
 */
export function hidden<Owner extends object, Content>(): Hidden<Owner, Content> {
  const key = Symbol("hidden");
  return {
    set(owner, content) {
      Object.defineProperty(owner, key, { value: () => content });
    },
    get: (value) => (value as { [key]?: () => Content } | null | undefined)?.[key]?.(),
  };
}
