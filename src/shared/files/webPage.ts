/** What to say of a page that was saved in the place of a file. */
export const gotWebPage = 'got a web page (HTML), as servers send in the place of a file: check the address, and whether it needs a login';

/** @param head the first bytes of a file */
export function isWebPage(head: Buffer): boolean {
  return /^\uFEFF?\s*<(!doctype\s+html|html|head|body)\b/i.test(head.toString('utf8'));
}
