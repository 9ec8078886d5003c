// Elements of the page: found and made.

/**
 * The only element that fits a selector.
 * @template {HTMLElement} Kind
 * @param {string} selector
 * @param {new () => Kind} kind
 */
export function find(selector, kind) {
  const element = document.querySelector(selector);
  if (element instanceof kind) return element;
  throw new Error(`the page has no ${selector}`);
}

/**
 * @param {string} tag
 * @param {readonly (Node | string)[]} content
 */
export function make(tag, content) {
  const element = document.createElement(tag);
  element.append(...content);
  return element;
}

/**
 * A heading and a list.
 * @param {string} title
 * @param {readonly string[]} items
 */
export function makeList(title, items) {
  const entries = items.map((item) => make("li", [item]));
  return [make("h2", [title]), make("ol", entries)];
}
