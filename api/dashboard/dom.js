// Small helpers over the DOM. Text enters the page through textContent alone.

export const find = (id) => document.getElementById(id);

/** An element with attributes (null leaves one out) and children: nodes, or text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function shape(kind, extra = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  reshape(svg, kind, extra);
  return svg;
}

export function reshape(svg, kind, extra = "") {
  put(svg, "class", `shape ${kind} ${extra}`);
  put(svg.firstElementChild, "href", `#${kind}`);
}

/** Writes only what differs: an untouched node costs no layout. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function put(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function hide(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

export function time(at, text) {
  return make("time", { datetime: at, title: at }, text);
}

/** Moves keep the focus where the browser can (moveBefore), and give it back where it cannot. */
export function place(parent, node, before) {
  if (parent.moveBefore && node.parentNode === parent) parent.moveBefore(node, before);
  else {
    const focused = node.contains(document.activeElement) ? document.activeElement : null;
    parent.insertBefore(node, before);
    focused?.focus({ preventScroll: true });
  }
}
