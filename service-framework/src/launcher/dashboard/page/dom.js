// Elements. What comes from services is only ever put in as text.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/// An HTML element; texts among the children become text.
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/// An element of SVG.
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/// Sets a text if it is another one, so that nothing is drawn anew for nothing.
export function say(element, text) {
  const wanted = text ?? "";
  if (element.textContent !== wanted) element.textContent = wanted;
}

/// Sets or removes an attribute if it is another one.
export function mark(element, name, value) {
  if (value === undefined || value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/// Makes the children of `parent` those of `items` in their order: those that are there are kept by their keys, others made.
export function keep(parent, items, keyOf, make, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = known.get(key);
    known.delete(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of known.values()) child.remove();
}

/// A box in which something is looked for.
export function search(label, value, changed) {
  return el("input", {
    type: "search", placeholder: label, "aria-label": label, value,
    oninput: (event) => changed(event.target.value),
  });
}

/// A choice among texts: pairs of value and label.
export function choice(label, pairs, value, changed) {
  const options = pairs.map(([own, text]) => el("option", { value: own, selected: own === value }, text));
  return el("label", {}, label, el("select", { onchange: (event) => changed(event.target.value) }, options));
}
