/**
 * Makes an element. Text is always set as text, never as markup: what nodes say stays what they said.
 *
 * @param {string} tag `name.class.class`
 * @param {Record<string, string | boolean | ((event: Event) => void) | undefined> | null} [properties] attributes, and
 *   listeners as `onclick`
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function h(tag, properties, ...children) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name || 'div');
  if (classes.length > 0) element.className = classes.join(' ');
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? '' : value);
  }
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/**
 * Puts new content in a place. Details that were open stay open, and focus stays where it was, by `data-key`.
 *
 * @param {Element} place
 * @param {...(Node | string)} content
 */
export function fill(place, ...content) {
  const open = new Set([...place.querySelectorAll('details[open][data-key]')].map(keyOf));
  const focused = place.contains(document.activeElement) ? keyOf(document.activeElement) : undefined;
  place.replaceChildren(...content);
  for (const details of place.querySelectorAll('details[data-key]'))
    if (open.has(keyOf(details))) details.setAttribute('open', '');
  if (focused !== undefined) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus?.();
}

/** @param {Element | null} element @returns {string | undefined} */
function keyOf(element) {
  return element?.getAttribute('data-key') ?? undefined;
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new TypeError(`the page has no #${id}`);
  return element;
}
