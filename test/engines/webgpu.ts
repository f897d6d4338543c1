import { openOnnx } from '../../src/engines/onnx/open.js';
import { dense, taskOf } from './samples.js';

/** Does this machine have a GPU with Vulkan, or what stands in for one? */
export async function hasWebgpu(): Promise<boolean> {
  try {
    const engine = await openOnnx(taskOf(1, [dense(1, 'linear')], 'meanSquaredError'), { provider: 'webgpu' });
    await engine.close();
    return true;
  } catch {
    return false;
  }
}
