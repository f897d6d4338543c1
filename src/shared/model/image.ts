export interface ImageShape {
  readonly width: number;
  readonly height: number;
  /** 1 grey; 3 red, green and blue. */
  readonly channels: number;
}

/** Samples of this shape as images: rows of grey values, or of red, green and blue. Undefined where they are none. */
export function imageShape(shape: readonly number[]): ImageShape | undefined {
  const [height = 0, width = 0, channels = 1] = shape;
  const isOne = (shape.length === 2 || shape.length === 3) && Math.min(height, width) > 1 && (channels === 1 || channels === 3);
  return isOne ? { width, height, channels } : undefined;
}
