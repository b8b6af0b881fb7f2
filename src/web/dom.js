// Elements are made one by one: no string ever becomes markup here, and the server's policy forbids it.

/// el('button.new', {onclick, title}, child, 'text'): null, undefined and false are left out.
export function el(tag, properties, ...children) {
  const [name, ...classes] = tag.split('.');
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(' ');
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (key in node && key !== 'list' && key !== 'form') node[key] = value;
    else node.setAttribute(key, value === true ? '' : value);
  }
  put(node, ...children);
  return node;
}

/// Adds what is there of `children`.
export function put(node, ...children) {
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
}

export function replace(node, ...children) {
  node.replaceChildren();
  put(node, ...children);
}

// On a field of 24 by 24, drawn with a round pen.
const kPaths = {
  plus: 'M12 5v14M5 12h14',
  columns: 'M4 5h16v14H4zM12 5v14',
  search: 'M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14M16 16l4.5 4.5',
  menu: 'M4 7h16M4 12h16M4 17h10',
  sliders: 'M4 8h9M17 8h3M15 6v4M4 16h3M11 16h9M9 14v4',
  send: 'M12 19V5M6 11l6-6 6 6',
  stop: 'M7 7h10v10H7z',
  clip: 'M19 11.5l-7.5 7.5a4.5 4.5 0 0 1-6.4-6.4l8-8a3 3 0 0 1 4.3 4.3l-8 8a1.5 1.5 0 0 1-2.1-2.1l7.2-7.2',
  copy: 'M9 9h10v11H9zM15 5.5V4H5v11h1.5',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  again: 'M19 12a7 7 0 1 1-2.2-5.1M19 4v4.5h-4.5',
  pen: 'M5 19l1-4L16 5l3 3L9 18zM14 7l3 3',
  onward: 'M5 6l7 6-7 6zM13 6l7 6-7 6z',
  before: 'M14 7l-5 5 5 5',
  after: 'M10 7l5 5-5 5',
  down: 'M12 5v13M6.5 12.5L12 18l5.5-5.5',
  chevron: 'M7 10l5 5 5-5',
  trash: 'M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13',
  save: 'M12 4v10M8 10.5l4 4 4-4M5 19h14',
  load: 'M12 15V5M8 8.5l4-4 4 4M5 19h14',
  light: 'M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8M12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1 1M17.4 17.4l1 1M5.6 18.4l1-1M17.4 6.6l1-1',
  dark: 'M19 14.5A7.5 7.5 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5z',
  system: 'M4 5h16v11H4zM9 20h6M12 16v4',
  keys: 'M3.5 7h17v10h-17zM7 10.5h.01M10.5 10.5h.01M14 10.5h.01M17.3 10.5h.01M8 14h8',
  close: 'M6 6l12 12M18 6L6 18',
  text: 'M6 3.5h8l4 4v13H6zM14 3.5v4h4M9 12h6M9 16h6',
  command: 'M5 7l5 5-5 5M12.5 17H19',
  gear: 'M12 9a3 3 0 1 0 0 6a3 3 0 0 0 0-6M12 3.5v3M12 17.5v3M3.5 12h3M17.5 12h3M6 6l2.1 2.1M15.9 15.9L18 18M6 18l2.1-2.1M15.9 8.1L18 6',
  chart: 'M4 4v16h16M8 16v-5M12.5 16V7M17 16v-7',
  eye: 'M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6M12 9.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 0 0 0-5',
};

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', `icon icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', kPaths[name]);
  svg.append(path);
  return svg;
}

/// A button that shows an icon alone, and says its name to those who do not see it.
export function iconButton(name, label, onclick, more = {}) {
  return el('button.icon-button', {type: 'button', title: label, 'aria-label': label, onclick, ...more}, icon(name));
}

/// The icon turns into a tick for a moment.
export async function copyText(button, text) {
  await navigator.clipboard.writeText(text);
  const old = button.querySelector('.icon');
  const done = icon('check');
  old?.replaceWith(done);
  setTimeout(() => done.replaceWith(old), 1400);
}

/// Offers `text` as a file.
export function saveFile(name, text, type = 'application/json') {
  const link = el('a', {href: URL.createObjectURL(new Blob([text], {type})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/// Calls `draw` once before the next frame, however often it is asked for.
export function everyFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
