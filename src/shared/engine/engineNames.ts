/** What computes gradients; `auto` is the fastest of what a machine has. */
export const engineNames = ['auto', 'blas', 'onnx', 'tensorflow', 'reference'] as const;
export type EngineName = (typeof engineNames)[number];
