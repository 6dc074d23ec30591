// Small helpers over the DOM. Text enters the page through textContent alone.

import { plain } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element that the page is known to have.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export const find = (id) => /** @type {T} */ (document.getElementById(id));

/**
 * @param {ParentNode} home
 * @param {string} selector
 * @returns {HTMLElement}
 */
export const part = (home, selector) =>
  /** @type {HTMLElement} */ (home.querySelector(selector));

/**
 * An element with attributes (null leaves one out) and children: nodes, or text.
 * @param {string} tag
 * @param {Record<string, string | null>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children.map((child) => (typeof child === "string" ? plain(child) : child)));
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 */
export function draw(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** @param {string} kind */
export function shape(kind) {
  const svg = draw("svg", { "aria-hidden": "true" });
  svg.append(draw("use"));
  reshape(svg, kind);
  return svg;
}

/**
 * @param {Element} svg
 * @param {string} kind
 */
export function reshape(svg, kind) {
  put(svg, "class", `shape ${kind}`);
  put(/** @type {Element} */ (svg.firstElementChild), "href", `#${kind}`);
}

/**
 * Writes only what differs: an untouched node costs no layout.
 * @param {Node} node
 * @param {string} text
 */
export function say(node, text) {
  const shown = plain(text);
  if (node.textContent !== shown) node.textContent = shown;
}

/**
 * @param {Element} node
 * @param {string} name
 * @param {string} value
 */
export function put(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * @param {HTMLElement | SVGElement} node
 * @param {boolean} hidden
 */
export function hide(node, hidden) {
  node.toggleAttribute("hidden", hidden);
}

/**
 * @param {string} at
 * @param {string} text
 */
export const time = (at, text) => make("time", { datetime: at, title: at }, text);

/** @param {string} name */
export const linkTo = (name) => `#provider=${encodeURIComponent(name)}`;

/**
 * @param {string} name
 * @param {string} [text]
 */
export const providerLink = (name, text = name) =>
  make("a", { class: "foreign", href: linkTo(name) }, text);

/**
 * Moves keep the focus where the browser can (moveBefore), and give it back where it cannot.
 * @param {Element & {moveBefore?: (node: Node, before: Node | null) => void}} parent
 * @param {HTMLElement} node
 * @param {Node | null} before
 */
export function place(parent, node, before) {
  if (parent.moveBefore && node.isConnected) parent.moveBefore(node, before);
  else {
    const active = document.activeElement;
    const focused = active instanceof HTMLElement && node.contains(active) ? active : null;
    parent.insertBefore(node, before);
    focused?.focus({ preventScroll: true });
  }
}
