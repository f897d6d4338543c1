/** The engines a config can ask for; `auto` is the fastest one installed. */
export const engineNames = ['auto', 'onnx', 'reference'] as const;
export type EngineName = (typeof engineNames)[number];
