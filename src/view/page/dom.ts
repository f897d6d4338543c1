type Child = Node | string;
type Props = Readonly<Record<string, string | number | boolean | EventListener>>;

/** An element of the page that is known to be there. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return element;
}

/** A new element. Text is text: nothing that a run says becomes markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  props: Props,
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (typeof value === 'function') made.addEventListener(key, value);
    else if (typeof value === 'boolean') made.toggleAttribute(key, value);
    else made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}

export interface Head {
  readonly text: string;
  readonly class?: string;
}

/** A table whose cells are texts or elements. */
export function table(heads: readonly Head[], rows: readonly (readonly Child[])[]): HTMLTableElement {
  const kind = (i: number): Props => (heads[i]?.class === undefined ? {} : { class: heads[i].class });
  const head = element('thead', {}, element('tr', {}, ...heads.map(({ text }, i) => element('th', { scope: 'col', ...kind(i) }, text))));
  const body = rows.map((cells) => element('tr', {}, ...cells.map((cell, i) => element('td', kind(i), cell))));
  return element('table', {}, head, element('tbody', {}, ...body));
}
