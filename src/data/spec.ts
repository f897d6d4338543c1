/** A pair of array files, IDX or .npy, with one row a sample. Paths are absolute or relative to the working directory. */
export interface FilePair {
  /** Inputs, [n, ...sample shape]. */
  readonly x: string;
  /** Targets: [n] class numbers or values, or [n, width] values. */
  readonly y: string;
}

/** A data set that comes with a package. */
export interface NamedData {
  readonly name: 'mnist';
  /** Keeps only the first N training samples. */
  readonly take?: number | undefined;
}

/** A data set in files of the user's. */
export interface FileData extends FilePair {
  /** Keeps only the first N training samples. */
  readonly take?: number | undefined;
  /** Divides the inputs of every part, never the targets: `{ divide: 255 }` for pixels. */
  readonly normalize?: { readonly divide: number } | undefined;
  /** Validation samples of their own, in place of a validation split. */
  readonly validation?: FilePair | undefined;
  readonly test?: FilePair | undefined;
}

/** Where a run's samples come from. */
export type DataSpec = NamedData | FileData;
