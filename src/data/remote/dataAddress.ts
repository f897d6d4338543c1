import { DataError } from '../../shared/text/errors.js';

/** A file on a server, as a path of data names it. */
export type Address = (WebAddress | S3Address) & {
  /** As messages say it: without what lets others in. */
  readonly shown: string;
  /** What a copy of the file is called. */
  readonly fileName: string;
};

export interface WebAddress {
  readonly kind: 'web';
  readonly url: URL;
}

export interface S3Address {
  readonly kind: 's3';
  readonly bucket: string;
  readonly key: string;
}

/** Is a path of data no file of this machine? */
export function isAddress(path: string): boolean {
  return /^(https?|s3):\/\//i.test(path);
}

/**
 * The address of a file in a path of data, and the name of the array that stands behind it, with its #. A # is part of a key
 * of S3, unless it follows an archive.
 */
export function splitArrayName(path: string): { readonly address: string; readonly arrayName: string } {
  const pattern = /^s3:/i.test(path) ? /^(.*\.npz)(#.*)$/is : /^([^#]*)(#.*)$/s;
  const [, address = path, arrayName = ''] = pattern.exec(path) ?? [];
  return { address, arrayName };
}

/** An address as it may be shown: without a password, and without its query, which may hold a signature. */
export function withoutSecrets(address: string): string {
  if (/^s3:/i.test(address)) return address;
  const bare = address.replace(URL.canParse(address) ? /^(\w+:\/\/)[^/?#]*@/ : /^(\w+:\/\/).*@/s, '$1');
  return bare.replace(/\?[^#]*/g, '?...');
}

/** Addresses in a text: to the quote that ends them, else to the next space, without the brackets that end a mapping or a list. */
const addressesIn = /(?<=")https?:\/\/[^"]*|(?<=')https?:\/\/[^']*|https?:\/\/\S*?(?=[\]},]*(?:\s|$))/gi;

/** A text, such as a word of a command line with a config in it, whose addresses are as they may be shown. */
export function withoutSecretsIn(text: string): string {
  return text.replace(addressesIn, withoutSecrets);
}

/** @throws DataError for what is no address of a file, or holds a password */
export function readAddress(address: string): Address {
  const shown = withoutSecrets(address);
  if (/^s3:/i.test(address)) return { ...readS3(address, shown), shown };
  if (!URL.canParse(address)) throw new DataError(`${shown}: expected an address such as https://HOST/FOLDER/FILE`);
  const url = new URL(address);
  if (url.username !== '' || url.password !== '') {
    throw new DataError(
      `${shown}: holds a name or a password, which would stand in the run's config.yaml: expected an address without, such as one that is signed for a while (presigned), or s3://BUCKET/KEY`,
    );
  }
  const [last = ''] = url.pathname.split('/').slice(-1);
  if (last === '') throw new DataError(`${shown}: expected the address of a file, got that of a folder`);
  return { kind: 'web', url, shown, fileName: fileNameOf(decoded(last)) };
}

function readS3(address: string, shown: string): S3Address & Pick<Address, 'fileName'> {
  const [, bucket = '', key = ''] = /^s3:\/\/([a-z0-9][a-z0-9._-]*)\/(.*)$/is.exec(address) ?? [];
  const parts = key.split('/');
  // Whoever asks for such a key may be understood to ask for another one.
  if (bucket === '' || parts.some((part) => ['', '.', '..'].includes(part)))
    throw new DataError(`${shown}: expected s3://BUCKET/KEY, the key of a file without empty parts, . and ..`);
  return { kind: 's3', bucket, key, fileName: fileNameOf(parts.at(-1) ?? '') };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Bytes that all file systems give a name, with room for the endings of files beside it. */
const longestName = 200;

function fileNameOf(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be in a name
  const safe = Buffer.from(name.replace(/[/\\#\u0000-\u001f]/g, '_'))
    .subarray(-longestName)
    .toString();
  return ['', '.', '..', 'source.json'].includes(safe) ? `_${safe}` : safe;
}
