/** The samples whose true class a model finds least probable, as images. */
export interface HardestImages {
  readonly part: string;
  readonly samples: number;
  /** Of the part. */
  readonly wrong: number;
  readonly width: number;
  readonly height: number;
  /** Bytes of a pixel: 1 grey, 3 red, green and blue. */
  readonly channels: number;
  readonly images: readonly {
    readonly sample: number;
    readonly target: number;
    readonly class: number;
    /** That the model gives the class it takes it for. */
    readonly probability: number;
    /** Base64, row by row. */
    readonly pixels: string;
  }[];
}
